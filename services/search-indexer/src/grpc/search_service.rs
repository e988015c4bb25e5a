//! `SearchService`: users search, administrators have the index made anew.

use katonic_proto::{
    dispatcher::v1::Execution,
    json,
    metadata::v1::Project,
    search::v1::{
        Facet, FacetValue, IndexLag, RebuildIndexRequest, RebuildIndexResponse, SearchHit, SearchRequest,
        SearchResponse, search_hit::Item, search_service_server::SearchService,
    },
};
use katonic_service::{auth, fields, rpc::to_status};
use tonic::{Request, Response, Status};

use crate::{
    clients::access::Access,
    error::Error,
    index::fields::FACETS,
    usecases::{
        rebuild::Rebuilds,
        search::{Answer, Hit, Page, Question, Searching},
    },
};

const QUERY: &str = "search.query";
const REBUILD: &str = "search.rebuild";
const DEFAULT_PAGE: usize = 20;
const KINDS: [&str; 2] = ["project", "execution"];

/// The RPCs of those who search.
#[derive(Clone)]
pub struct SearchRpc {
    /// Searches.
    pub searching: Searching,
    /// Knows what they may see.
    pub access: Access,
    /// Has the index made anew.
    pub rebuilds: Rebuilds,
}

#[tonic::async_trait]
impl SearchService for SearchRpc {
    async fn search(&self, request: Request<SearchRequest>) -> Result<Response<SearchResponse>, Status> {
        let user = auth::user(&request, QUERY)?;
        let SearchRequest { q, kinds, filter, sort, facets, page_size, page_token } = request.into_inner();
        if !kinds.iter().all(|kind| KINDS.contains(&kind.as_str())) {
            return Err(fields::invalid("kinds", "a kind is `project` or `execution`"));
        }
        let order = Some(sort).filter(|sort| !sort.is_empty());
        let order = order.map(|sort| fields::parse("sort", &sort)).transpose()?;
        let facets = facets.iter().map(|name| facet(name)).collect::<Result<Vec<_>, _>>()?;
        let page =
            Page { size: fields::page_size(page_size, DEFAULT_PAGE)?, token: page_token, facets: facets.clone() };
        let visible = self.access.visible(&user).await.map_err(|e| to_status(&e))?;
        let question = Question { q, kinds, filter, order };
        let answer = self.searching.search(visible, question, page).await.map_err(|e| to_status(&e))?;
        Ok(Response::new(response(answer, &facets)))
    }

    async fn rebuild_index(
        &self,
        request: Request<RebuildIndexRequest>,
    ) -> Result<Response<RebuildIndexResponse>, Status> {
        let user = auth::user(&request, REBUILD)?;
        if !user.admin {
            return Err(to_status(&Error::Denied));
        }
        Ok(Response::new(RebuildIndexResponse { already_running: self.rebuilds.ask() }))
    }
}

fn facet(name: &str) -> Result<&'static str, Status> {
    let known = FACETS.into_iter().find(|known| *known == name);
    known.ok_or_else(|| fields::invalid("facets", format!("a facet is one of {}", FACETS.join(", "))))
}

fn response(answer: Answer, facets: &[&'static str]) -> SearchResponse {
    let counted = |(field, values): (&&str, Vec<(String, u64)>)| Facet {
        field: (*field).to_owned(),
        values: values.into_iter().map(|(value, count)| FacetValue { value, count }).collect(),
    };
    SearchResponse {
        hits: answer.hits.into_iter().map(hit).collect(),
        total: answer.total,
        facets: facets.iter().zip(answer.facets).map(counted).collect(),
        next_page_token: answer.next,
        lag: Some(IndexLag {
            events_behind: answer.lag.events,
            age: answer.lag.age.and_then(|age| age.try_into().ok()),
        }),
    }
}

fn hit(hit: Hit) -> SearchHit {
    SearchHit { item: item(&hit), kind: hit.kind, id: hit.id, project_id: hit.project, relevance: hit.relevance }
}

/// The snapshot as its contract; none where a later version's does not fit ours.
fn item(hit: &Hit) -> Option<Item> {
    let snapshot = serde_json::from_str(&hit.snapshot).ok()?;
    match hit.kind.as_str() {
        "project" => json::from_payload::<Project>(snapshot).ok().map(Item::Project),
        _ => json::from_payload::<Execution>(snapshot).ok().map(Item::Execution),
    }
}
