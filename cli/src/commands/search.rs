//! `katonic search`.

use clap::{Args, ValueEnum};
use katonic_proto::{
    json,
    search::v1::{Facet, IndexLag, SearchHit, SearchRequest, SearchResponse, search_hit::Item},
};
use serde_json::Value;

use super::Context;
use crate::{
    exit::Exit,
    failure::Failure,
    output::{fields, table},
    pages, text,
};

/// Arguments of `search`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  katonic search 'churn loss<0.3' --sort metric.loss:asc
  katonic search --kind execution --facet phase")]
pub struct SearchArgs {
    /// Words, "phrases", `prefix*`, `field:value`, `loss<0.3`; nothing finds everything.
    query: Vec<String>,
    /// Only things of this kind.
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Vec<Kind>,
    /// More conditions, which do not count for relevance.
    #[arg(long, default_value_t, hide_default_value = true, value_name = "QUERY")]
    filter: String,
    /// Order: relevance, created, started, ended, number, duration or `metric.<name>`, with `:asc` or `:desc`.
    #[arg(long, default_value_t, hide_default_value = true, value_name = "KEY")]
    sort: String,
    /// Count the values of a field: kind, phase, reason, owner, tag, tier, project.
    #[arg(long, value_name = "FIELD")]
    facet: Vec<String>,
    /// How many to list.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

/// What is searched.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Projects.
    Project,
    /// Executions.
    Execution,
}

/// Searches and lists what was found.
pub async fn run(context: &Context, args: SearchArgs) -> Result<Exit, Failure> {
    let key = args.sort.split(':').next().unwrap_or_default().to_owned();
    let request = SearchRequest {
        q: args.query.join(" "),
        kinds: args.kind.into_iter().map(name).collect(),
        filter: args.filter,
        sort: args.sort,
        facets: args.facet,
        page_size: i32::try_from(args.limit.clamp(1, 200)).unwrap_or(200),
        page_token: String::new(),
    };
    let mut first: Option<SearchResponse> = None;
    let (hits, next_page_token) = pages::collect(args.limit, async |page_token| {
        let page = context.client.search(SearchRequest { page_token, ..request.clone() }).await?;
        let found = (page.hits.clone(), page.next_page_token.clone());
        first.get_or_insert(page);
        Ok::<_, Failure>(found)
    })
    .await?;
    let all = SearchResponse { hits, next_page_token, ..first.unwrap_or_default() };
    context.output.answer(&all, |all| human(all, &key))?;
    Ok(Exit::OK)
}

fn name(kind: Kind) -> String {
    match kind {
        Kind::Project => "project".to_owned(),
        Kind::Execution => "execution".to_owned(),
    }
}

fn human(found: &SearchResponse, key: &str) -> String {
    let metric = key.strip_prefix("metric.");
    let rows = found.hits.iter().map(|hit| row(hit, metric)).collect();
    let shown = metric.unwrap_or("OWNER").to_owned();
    let mut answer = table(["KIND", "ID", "PHASE", "MADE", &shown, "TITLE"], rows, "Nothing was found.");
    for facet in &found.facets {
        answer.push_str(&format!("\n{}\n{}", facet.field, counts(facet)));
    }
    answer.push_str(&format!("\n{} of {} found{}\n", found.hits.len(), found.total, behind(found.lag.as_ref())));
    answer
}

fn counts(facet: &Facet) -> String {
    let pairs: Vec<(&str, String)> =
        facet.values.iter().map(|value| (value.value.as_str(), value.count.to_string())).collect();
    fields(&pairs)
}

fn behind(lag: Option<&IndexLag>) -> String {
    match lag {
        Some(lag) if lag.events_behind > 0 => {
            let age = lag.age.as_ref().map_or(0, |age| age.seconds);
            format!("; the index is {} events ({age} s) behind", lag.events_behind)
        }
        _ => String::new(),
    }
}

fn row(hit: &SearchHit, metric: Option<&str>) -> [String; 6] {
    let (phase, made, owner, title, metrics) = match &hit.item {
        Some(Item::Execution(it)) => {
            (text::phase(it.phase()), it.create_time, it.owner_id.clone(), it.title.clone(), it.metrics.as_ref())
        }
        Some(Item::Project(it)) => (String::new(), it.create_time, it.owner_id.clone(), it.name.clone(), None),
        None => Default::default(),
    };
    let value = |name: &str| {
        let metrics = json::from_struct(metrics?);
        name.split('.').try_fold(metrics, |inner, part| inner.get(part).cloned()).as_ref().map(Value::to_string)
    };
    let shown = metric.map_or(owner, |name| value(name).unwrap_or_default());
    [hit.kind.clone(), hit.id.clone(), phase, text::time(made.as_ref()), shown, title]
}
