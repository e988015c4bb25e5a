// The catalogue of events, rendered from the AsyncAPI document that this
// installation serves: channels, the envelope that all share, and payloads.

import { html, nothing, render } from "./lit-html.js";

const place = document.getElementById("catalogue");

function resolve(api, schema) {
  const name = schema.$ref?.split("/").pop();
  return name ? { ...api.components.schemas[name], ...schema, name } : schema;
}

// How a value looks, in one line.
function kind(api, schema) {
  const type = resolve(api, schema);
  if (type.const) return `"${type.const}"`;
  if (type.type === "array") return `list of ${kind(api, type.items)}`;
  if (type.additionalProperties) return `map to ${kind(api, type.additionalProperties)}`;
  return [type.name ?? type.type ?? "any", type.format && `(${type.format})`].filter(Boolean).join(" ");
}

// Text with `code` in it.
function prose(text = "") {
  return text.split("`").map((part, index) => (index % 2 ? html`<code>${part}</code>` : part));
}

// The object that a field holds, directly, in a list or in a map.
function inner(api, schema) {
  const type = resolve(api, schema.items ?? schema);
  const held = typeof type.additionalProperties === "object" ? resolve(api, type.additionalProperties) : type;
  return held.properties ? held : undefined;
}

// Names on the way down end the recursion of schemas that hold themselves.
function fields(api, schema, above = []) {
  return html`<dl>
    ${Object.entries(schema.properties).map(([name, field]) => {
      const held = inner(api, field);
      const shown = held && !above.includes(held.name);
      return html`<dt><code>${name}</code> <span class="kind">${kind(api, field)}</span></dt>
        <dd>
          ${prose(field.description)} ${field.pattern ? html`<code class="pattern">${field.pattern}</code>` : nothing}
          ${shown
            ? html`<details><summary>${held.name ?? "fields"}</summary>${fields(api, held, [...above, held.name])}</details>`
            : nothing}
        </dd>`;
    })}
  </dl>`;
}

function channel(api, [entity, channel]) {
  const messages = Object.keys(channel.messages);
  const payload = api.components.messages[messages[0]].payload;
  const data = resolve(api, payload.properties.data);
  return html`<section id=${entity}>
    <h2><a href="#${entity}">${entity}</a></h2>
    <p>${prose(data.description)}</p>
    <p>Routing key <code>${channel.address}</code>. ${prose(channel.description)}</p>
    <ul class="types">${messages.map((type) => html`<li><code>${type}</code></li>`)}</ul>
    <h3>data</h3>
    ${fields(api, data, [data.name])}
  </section>`;
}

function envelope(api) {
  const { payload } = Object.values(api.components.messages)[0];
  const { data, type, ...properties } = payload.properties;
  return html`<section id="envelope">
    <h2><a href="#envelope">Envelope</a></h2>
    <p>What every event has around its <code>data</code>.</p>
    ${fields(api, { properties: { ...properties, type: { type: "string", description: "One of the types below." } } })}
  </section>`;
}

function page(api) {
  const channels = Object.entries(api.channels);
  return html`<h1>${api.info.title} <small>${api.info.version}</small></h1>
    <p>${prose(api.info.description)}</p>
    <p>
      <code>POST /api/v1/event-subscriptions</code> makes a queue for you and names who may read it; any AMQP client takes
      it from there. The <a href="/api/v1/asyncapi.json">AsyncAPI document</a> says the same as this page.
    </p>
    <ul class="contents">${["envelope", ...channels.map(([entity]) => entity)].map((id) => html`<li><a href="#${id}">${id}</a></li>`)}</ul>
    ${envelope(api)} ${channels.map((entry) => channel(api, entry))}`;
}

async function show() {
  const answer = await fetch("/api/v1/asyncapi.json");
  if (!answer.ok) throw new Error(`the document is not to be had: ${answer.status}`);
  place.replaceChildren();
  render(page(await answer.json()), place);
  document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
}

show().catch((error) => {
  place.textContent = `The catalogue cannot be shown: ${error.message}.`;
});
