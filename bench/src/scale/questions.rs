//! What is asked at each size.

use std::time::Instant;

use anyhow::{Context, Result};
use futures::StreamExt;
use katonic_integration_tests::{Platform, wait};

use crate::{
    figure::Figure,
    fsync,
    side::Side,
    targets,
    turns::{launch, lines},
};

const ASKED: usize = 200;
const LAUNCHED: usize = 40;
const STARTED: usize = 20;

/// Whom they are asked.
pub struct Questions<'a> {
    /// The platform itself.
    pub platform: &'a Platform,
    /// Its door.
    pub product: &'a Side,
    /// The floor on the same store.
    pub floor: &'a Side,
}

impl Questions<'_> {
    /// Search knows all, connections open, caches fill; what was learned before is old by now.
    pub async fn warm_up(&self, executions: &[String]) -> Result<()> {
        let search = format!("/search?filter=project:{}&kinds=execution&pageSize=1", self.product.project);
        let begun = Instant::now();
        wait::until("search knows all", async || {
            let found = self.product.rest.get(&search).await?;
            let total: usize = found["total"].as_str().unwrap_or("0").parse()?;
            Ok((total >= executions.len()).then_some(()))
        })
        .await?;
        eprintln!("search knew all {:?} after the last was published", begun.elapsed());
        for execution in executions.iter().rev().take(20) {
            self.product.rest.get(&format!("/executions/{execution}")).await?;
            self.product.rest.get(&format!("/projects/{}/jobs?pageSize=50", self.product.project)).await?;
        }
        Ok(())
    }

    /// Asks all of them.
    pub async fn pose(&self, executions: &[String]) -> Result<Vec<Figure>> {
        let project = &self.product.project;
        let list = format!("/projects/{project}/jobs?pageSize=50");
        let second = self.product.rest.get(&list).await?["nextPageToken"].as_str().unwrap_or_default().to_owned();
        let control = self.floor.rest.project(&format!("control-{}", executions.len())).await?;
        // Spread over all of them, so that old ones are asked for too.
        let any = |n: usize| &executions[(n * executions.len()) / ASKED];
        let product = self.product;
        Ok(vec![
            fsync::of_4_kib(&self.platform.home())?,
            ask(self.floor, "the floor's get of a project", |_| format!("/projects/{control}")).await?,
            ask(product, "list the 50 newest executions", |_| list.clone()).await?,
            ask(product, "list the next 50", |_| format!("{list}&pageToken={second}")).await?,
            ask(product, "get an execution", |n| format!("/executions/{}", any(n))).await?,
            ask(product, "events of an execution", |n| format!("/executions/{}/events", any(n))).await?,
            ask(product, "search by a word", |_| "/search?q=bench&pageSize=20".to_owned()).await?,
            ask(product, "search a project, newest first, with a facet", |_| {
                format!("/search?filter=project:{project}&kinds=execution&sort=created:desc&facets=phase&pageSize=20")
            })
            .await?,
            self.first_event().await?,
            self.open_log().await?,
            self.line_to_follower().await?,
            self.submit_to_user_code().await?,
            targets::start(self.platform, "dispatcher", STARTED).await?,
        ])
    }

    /// From the question to the first event there ever was.
    async fn first_event(&self) -> Result<Figure> {
        let mut samples = Vec::new();
        for _ in 0..ASKED {
            let asked = Instant::now();
            let mut messages = Box::pin(self.product.stream("/events:follow?fromStart=true").await?);
            while messages.next().await.context("it goes on")??.get("event").is_none() {}
            samples.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Figure::new("follow events from the first", "ms", None, samples))
    }

    /// From the question to the first line of a log that is over.
    async fn open_log(&self) -> Result<Figure> {
        let Side { rest, project, .. } = self.product;
        let id = rest.submit(project, &["echo", "a line"]).await?;
        rest.settled(&id).await?;
        let mut samples = Vec::new();
        for _ in 0..ASKED {
            let asked = Instant::now();
            let mut messages = Box::pin(self.product.follow(&id).await?);
            messages.next().await.transpose()?;
            samples.push(asked.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Figure::new("follow the log of one that is over", "ms", None, samples))
    }

    async fn line_to_follower(&self) -> Result<Figure> {
        let samples = lines::once(self.product).await?;
        Ok(Figure::new("line to follower, 2,000/s", "ms", None, samples))
    }

    async fn submit_to_user_code(&self) -> Result<Figure> {
        let mut samples = Vec::new();
        for _ in 0..LAUNCHED {
            samples.push(launch::once(self.product).await?.1);
        }
        Ok(Figure::new("submit to user code", "ms", None, samples))
    }
}

async fn ask(side: &Side, name: &str, path: impl Fn(usize) -> String) -> Result<Figure> {
    let mut samples = Vec::new();
    for n in 0..ASKED {
        let path = path(n);
        let asked = Instant::now();
        side.rest.get(&path).await?;
        samples.push(asked.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Figure::new(name, "ms", None, samples))
}
