//! The engine behind its socket: the few calls that members need, in our words.
//!
//! What it answers is taken as it is; what it does not answer is an error that
//! is tried again, never an absence.

use std::{collections::HashMap, path::PathBuf, sync::Arc};

use bollard::{
    API_DEFAULT_VERSION, Docker,
    errors::Error as ApiError,
    models::{ContainerCreateBody, ContainerInspectResponse, ContainerStateStatusEnum, EventMessage, ImageInspect},
    query_parameters::{
        CreateContainerOptionsBuilder, CreateImageOptionsBuilder, EventsOptionsBuilder, ListContainersOptionsBuilder,
        RemoveContainerOptionsBuilder,
    },
};
use futures::{Stream, TryStreamExt};
use katonic_domain::Timestamp;
use katonic_member::UnixNanos;
use tokio::sync::OnceCell;

use super::container::Labels;
use crate::backend::{Error, Found};

/// For one call; the engine kills and removes within it.
const TIMEOUT_SECONDS: u64 = 60;

/// A handle. Clones share it.
#[derive(Debug, Clone)]
pub struct Engine {
    socket: PathBuf,
    client: Arc<OnceCell<Docker>>,
}

/// A container that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// What it does.
    pub state: State,
}

/// What a container does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It was never started.
    Created,
    /// Its first process lives.
    Running,
    /// It is over.
    Ended {
        /// How its first process exited; 128 and more by a signal.
        exit_code: i64,
        /// Whether the engine heard of a kill for its memory limit.
        out_of_memory: bool,
        /// When, where the engine says.
        at: Option<UnixNanos>,
    },
}

impl Engine {
    /// The engine at a socket; it is first asked when something is wanted of it.
    pub fn at(socket: PathBuf) -> Self {
        Self { socket, client: Arc::default() }
    }

    async fn client(&self) -> Result<&Docker, Error> {
        let connect = async || {
            let socket = self.socket.to_string_lossy();
            Docker::connect_with_unix(&socket, TIMEOUT_SECONDS, API_DEFAULT_VERSION)?.negotiate_version().await
        };
        self.client.get_or_try_init(connect).await.map_err(Error::engine)
    }

    /// A container by name; `None` where there is none. One that is not of these
    /// labels is somebody else's, and never touched.
    pub async fn inspect(&self, name: &str, labels: &Labels) -> Result<Option<Seen>, Error> {
        let found = match self.client().await?.inspect_container(name, None).await {
            Ok(found) => found,
            Err(error) if status(&error) == Some(404) => return Ok(None),
            Err(error) => return Err(Error::engine(error)),
        };
        let theirs = found.config.as_ref().and_then(|config| config.labels.as_ref());
        if !theirs.is_some_and(|found| labels.are_on(found)) {
            return Err(Error::Foreign(name.to_owned()));
        }
        Ok(Some(Seen { state: state(&found) }))
    }

    /// Makes a container; answers its id. A name that is taken is an error: whose it is shows at the next look.
    pub async fn create(&self, name: &str, container: ContainerCreateBody) -> Result<String, Error> {
        let options = CreateContainerOptionsBuilder::default().name(name).build();
        match self.client().await?.create_container(Some(options), container).await {
            Ok(made) => Ok(made.id),
            Err(error) if status(&error) == Some(404) => Err(Error::Image(Box::new(error))),
            Err(error) => Err(Error::engine(error)),
        }
    }

    /// Starts a container; one that runs stays as it is.
    pub async fn start(&self, name: &str) -> Result<(), Error> {
        self.client().await?.start_container(name, None).await.map_err(Error::engine)
    }

    /// Kills and removes a container with its own volumes; one that is gone is fine.
    pub async fn remove(&self, name: &str) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
        match self.client().await?.remove_container(name, Some(options)).await {
            Err(error) if status(&error) == Some(404) => Ok(()),
            removed => removed.map_err(Error::engine),
        }
    }

    /// Every container of these labels, in whatever state.
    pub async fn list(&self, labels: &Labels) -> Result<Vec<Found>, Error> {
        let filters = HashMap::from([("label", vec![labels.filter()])]);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&filters).build();
        let listed = self.client().await?.list_containers(Some(options)).await.map_err(Error::engine)?;
        let found = |container: bollard::models::ContainerSummary| {
            let name = container.names.into_iter().flatten().next()?.trim_start_matches('/').to_owned();
            let member = labels.member(&container.labels.unwrap_or_default());
            Some(Found { member: member.filter(|member| member.container_name() == name), name })
        };
        Ok(listed.into_iter().filter_map(found).collect())
    }

    /// What happens to containers, from now on.
    pub async fn events(&self) -> Result<impl Stream<Item = Result<EventMessage, Error>> + Send + use<>, Error> {
        let filters = HashMap::from([("type", vec!["container"])]);
        let options = EventsOptionsBuilder::default().filters(&filters).build();
        Ok(self.client().await?.events(Some(options)).map_err(Error::engine))
    }

    /// An image by name or digest; `None` where it is not on this machine.
    pub async fn image(&self, name: &str) -> Result<Option<ImageInspect>, Error> {
        match self.client().await?.inspect_image(name).await {
            Ok(image) => Ok(Some(image)),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(Error::engine(error)),
        }
    }

    /// Pulls an image; each step that the engine tells of goes to `progress`.
    pub async fn pull(&self, name: &str, mut progress: impl FnMut(&str) + Send) -> Result<(), Error> {
        let options = CreateImageOptionsBuilder::default().from_image(name).build();
        let mut steps = Box::pin(self.client().await?.create_image(Some(options), None, None));
        while let Some(step) = steps.try_next().await.map_err(|error| Error::Image(Box::new(error)))? {
            progress(step.status.as_deref().unwrap_or_default());
        }
        Ok(())
    }
}

fn state(found: &ContainerInspectResponse) -> State {
    let Some(state) = &found.state else { return State::Created };
    match state.status {
        Some(
            ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD | ContainerStateStatusEnum::REMOVING,
        ) => {
            let out_of_memory = state.oom_killed.unwrap_or(false);
            let at = state.finished_at.as_deref().and_then(time);
            State::Ended { exit_code: state.exit_code.unwrap_or(-1), out_of_memory, at }
        }
        Some(ContainerStateStatusEnum::CREATED | ContainerStateStatusEnum::EMPTY) | None => State::Created,
        Some(
            ContainerStateStatusEnum::RUNNING
            | ContainerStateStatusEnum::PAUSED
            | ContainerStateStatusEnum::RESTARTING
            | ContainerStateStatusEnum::STOPPING,
        ) => State::Running,
    }
}

/// A time of the engine's, in RFC 3339; none where it stands for none, which is one of the year 1.
fn time(text: &str) -> Option<UnixNanos> {
    let nanos = i64::try_from(text.parse::<Timestamp>().ok()?.as_nanosecond()).ok()?;
    (nanos > 0).then_some(UnixNanos::new(nanos))
}

fn status(error: &ApiError) -> Option<u16> {
    match error {
        ApiError::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}
