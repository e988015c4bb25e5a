//! Search finds what a plain filter over the owner's store finds, in its
//! order, and nothing that its reader may not see; it answers while it is made anew.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, ensure};
use katonic_domain::{ExecutionId, ProjectId};
use katonic_search_indexer::{
    domain::Visible,
    index::rank::Order,
    usecases::search::{Answer, Page, Question},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng, seq::IndexedRandom as _};
use serde_json::json;

use crate::{
    brute::{Ask, Seen},
    harness::{Replica, World, admin, reader},
    owner::Thing,
    things,
};

const EXECUTIONS: usize = 300;
const QUERIES: usize = 1_000;
const FACETS: [&str; 4] = ["phase", "tag", "tier", "owner"];

/// Executions in some projects, run and indexed.
async fn seeded(world: &World, replica: &Replica, random: &mut StdRng) -> anyhow::Result<Vec<ProjectId>> {
    let projects: Vec<ProjectId> = (0..5).map(|_| ProjectId::generate()).collect();
    replica.leads().await?;
    for number in 0..EXECUTIONS {
        let (id, project) = (ExecutionId::generate(), *projects.choose(random).expect("some"));
        let first = things::snapshot(random, id, project, number as u64);
        world.owner.put(Thing { id, project, snapshot: first.to_string() }).await?;
        if random.random_bool(0.3) {
            world.owner.change(id, &things::snapshot(random, id, project, number as u64)).await?;
        }
        let left_out = replica.appender.append(world.owner.events(id).await?).await?;
        ensure!(left_out.is_empty(), "{left_out:?}");
    }
    replica.indexed().await?;
    Ok(projects)
}

fn question(q: &str, sort: Option<&str>) -> anyhow::Result<Question> {
    let order = sort.map(str::parse::<Order>).transpose().map_err(anyhow::Error::msg)?;
    Ok(Question { q: q.to_owned(), order, ..Question::default() })
}

/// Every page.
async fn all(
    replica: &Replica,
    visible: &Visible,
    question: &Question,
    size: usize,
) -> anyhow::Result<(Vec<String>, Answer)> {
    let (mut ids, mut token) = (Vec::new(), String::new());
    loop {
        let page = Page { size, token, facets: FACETS.to_vec() };
        let answer = replica.searching.search(visible.clone(), question.clone(), page).await?;
        ids.extend(answer.hits.iter().map(|hit| hit.id.clone()));
        if answer.next.is_empty() {
            return Ok((ids, answer));
        }
        token = answer.next;
    }
}

/// In the order of a sort key: what lacks it last, equals the newest first.
fn ordered(mut found: Vec<&Seen>, key: &str, ascending: bool) -> Vec<String> {
    found.sort_by(|a, b| {
        let (x, y) = (a.numbers.get(key), b.numbers.get(key));
        let by_key = match (x, y) {
            (Some(x), Some(y)) if ascending => x.total_cmp(y),
            (Some(x), Some(y)) => y.total_cmp(x),
            _ => y.is_some().cmp(&x.is_some()),
        };
        by_key.then_with(|| b.id.cmp(&a.id))
    });
    found.into_iter().map(|seen| seen.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_random_queries_find_what_a_filter_over_the_store_finds() -> anyhow::Result<()> {
    let seed: u64 = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let world = World::start().await?;
    let replica = world.replica("a").await?;
    let projects = seeded(&world, &replica, &mut random).await?;
    let seen: Vec<Seen> = world.owner.all().await?.iter().map(Seen::new).collect();
    ensure!(seen.len() == EXECUTIONS, "{}", seen.len());
    let mut hits = 0;
    for _ in 0..QUERIES {
        let ask = Ask::random(&mut random, 2);
        let text = ask.text();
        let may_see: Vec<ProjectId> = projects.iter().copied().filter(|_| random.random_bool(0.7)).collect();
        let names: BTreeSet<String> = may_see.iter().map(ToString::to_string).collect();
        let visible = if random.random_bool(0.3) { admin() } else { reader(&may_see) };
        let (key, ascending) = (
            *["created", "number", "duration", "metric.loss"].choose(&mut random).expect("some"),
            random.random_bool(0.5),
        );
        let sort = format!("{key}:{}", if ascending { "asc" } else { "desc" });
        let wanted: Vec<&Seen> =
            seen.iter().filter(|seen| seen.fits(&ask) && (visible.admin || names.contains(&seen.project))).collect();
        let asked = question(&text, Some(&sort))?;
        let (found, last) = all(&replica, &visible, &asked, random.random_range(5..200)).await.context(text.clone())?;
        ensure!(last.total == wanted.len() as u64, "{text}: {} of {}, {ask:?}", last.total, wanted.len());
        for (facet, values) in FACETS.iter().zip(&last.facets) {
            let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
            wanted.iter().flat_map(|seen| seen.values(facet)).for_each(|value| *counts.entry(value).or_default() += 1);
            let found: BTreeMap<&str, u64> = values.iter().map(|(value, count)| (value.as_str(), *count)).collect();
            ensure!(found == counts, "{text}: {facet} {found:?} {counts:?}");
        }
        hits += wanted.len();
        let wanted = ordered(wanted, key, ascending);
        ensure!(found == wanted, "{text} by {sort}: {found:?} {wanted:?}");
    }
    println!("{QUERIES} queries found {hits}");
    ensure!(hits > QUERIES, "the queries find too little to prove anything: {hits}");
    replica.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_answers_while_it_is_made_anew_and_then_finds_the_same() -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(1);
    let world = World::start().await?;
    let replica = world.replica("a").await?;
    seeded(&world, &replica, &mut random).await?;
    let asked = question("train* -phase:failed", Some("metric.loss:asc"))?;
    let before = all(&replica, &admin(), &asked, 50).await?.0;
    ensure!(!before.is_empty());
    let old = replica.present.get().context("an index")?.folder.clone();
    ensure!(!replica.rebuilds.ask() && replica.rebuilds.ask(), "asked twice is asked once");
    let mut rebuilt = Box::pin(replica.rebuilds.done());
    let visible = admin();
    let mut answers = 0;
    loop {
        let search = all(&replica, &visible, &asked, 50);
        tokio::select! {
            found = search => { ensure!(found?.0 == before); answers += 1; }
            () = &mut rebuilt => break,
        }
    }
    drop(rebuilt);
    println!("{answers} answers meanwhile");
    let new = replica.present.get().context("an index")?.folder.clone();
    ensure!(new != old && !old.exists(), "{} {}", new.display(), old.display());
    ensure!(all(&replica, &admin(), &asked, 50).await?.0 == before);
    replica.stop().await;
    // The next start goes on with the index that was chosen.
    let again = world.replica("a").await?;
    again.indexed().await?;
    ensure!(again.present.get().context("an index")?.folder == new);
    ensure!(all(&again, &admin(), &asked, 50).await?.0 == before);
    again.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_index_is_made_anew() -> anyhow::Result<()> {
    let mut random = StdRng::seed_from_u64(2);
    let world = World::start().await?;
    let replica = world.replica("a").await?;
    seeded(&world, &replica, &mut random).await?;
    let folder = replica.present.get().context("an index")?.folder.clone();
    replica.stop().await;
    std::fs::write(folder.join("meta.json"), "{")?;
    let again = world.replica("a").await?;
    again.indexed().await?;
    let (ids, _) = all(&again, &admin(), &Question::default(), 200).await?;
    ensure!(ids.len() == EXECUTIONS, "{}", ids.len());
    again.stop().await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn words_find_titles_first_and_pages_belong_to_their_question() -> anyhow::Result<()> {
    let world = World::start().await?;
    let replica = world.replica("a").await?;
    replica.leads().await?;
    let project = ProjectId::generate();
    let mut ids = Vec::new();
    for (title, program) in
        [("other", "segmentation.py"), ("Segmentation run", "a.py"), ("none", "b.py"), ("segmentaton", "c.py")]
    {
        let id = ExecutionId::generate();
        let snapshot = json!({
            "executionId": id.to_string(), "projectId": project.to_string(), "title": title,
            "spec": {"command": ["python3", program]}, "createTime": "2026-01-02T03:04:05Z",
        });
        world.owner.put(Thing { id, project, snapshot: snapshot.to_string() }).await?;
        replica.appender.append(world.owner.events(id).await?).await?;
        ids.push(id.to_string());
    }
    replica.indexed().await?;
    let (found, _) = all(&replica, &admin(), &question("segmentation", None)?, 1).await?;
    ensure!(found == [ids[1].clone(), ids[0].clone(), ids[3].clone()], "{found:?} {ids:?}");
    let page = |token: &str| Page { size: 1, token: token.to_owned(), facets: Vec::new() };
    let first = replica.searching.search(admin(), Question::default(), page("")).await?;
    let other = replica.searching.search(admin(), question("run", None)?, page(&first.next)).await;
    ensure!(other.is_err(), "{other:?}");
    ensure!(first.lag.events == 0, "{:?}", first.lag);
    replica.stop().await;
    Ok(())
}
