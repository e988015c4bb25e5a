//! Wiring: what is built from what, and what runs beside what.

use std::{path::Path, sync::Arc};

use katonic_bus::{Bus, BusConfig, Parked, topology};
use katonic_domain::{Clock, Name, SystemClock};
use katonic_proto::{
    dispatcher::v1::{
        execution_service_server::ExecutionServiceServer, member_service_server::MemberServiceServer,
        schedule_service_server::ScheduleServiceServer,
    },
    envelope::Source,
};
use katonic_service::{
    Shutdown, aggregates,
    auth::{self, Audience, Minter, Verifier},
    rpc,
    runtime::Tasks,
    telemetry,
};
use katonic_store::Store;

use crate::{
    backend::{Backend, docker::DockerBackend, process::ProcessBackend},
    clients::{logs::Logs, metadata::Metadata, policies::PolicyList},
    config::{BackendKind, Config},
    grpc::{execution_service::Executions, member_service::Members, schedule_service::ScheduleHandlers},
    policies::Policies,
    reconcile::apply::{Parts, Reconciler},
    store::Repository,
    tasks::{
        admission::Admitting,
        agent_keeper::{AgentCommand, AgentKeeper},
        policy_sync::PolicySync,
        queue::Queueing,
        reconciling::Reconciling,
        ticking::Ticking,
    },
    tickets::Tickets,
    usecases::{
        access::Access,
        admit::Admission,
        claim::Claims,
        edit::Edits,
        end::Ending,
        give_up::GivingUp,
        read::Reads,
        report::Reports,
        schedules::Schedules,
        stop::Stop,
        submit::{Intake, Submit},
        tick::Ticks,
        watch::Watches,
    },
    waiting::WaitingRoom,
};

/// The service's name in tokens, metrics and events' source.
pub const NAME: &str = "dispatcher";

/// A dispatcher that is bound to its port and does not run yet.
pub struct App {
    server: rpc::Server,
    auth: auth::Layer,
    repository: Repository,
    keeper: AgentKeeper,
    queueing: Queueing,
    policy_sync: PolicySync,
    admitting: Admitting,
    ticking: Ticking,
    stopping: Shutdown,
    reconciling: Reconciling,
    parts: Parts,
}

impl App {
    /// Builds all parts and binds the port. Store, broker and peers need not
    /// answer yet, but for the store's indexes.
    pub async fn build(config: Config, telemetry: telemetry::Handle) -> anyhow::Result<Self> {
        let name: Name = NAME.parse()?;
        let minter = Minter::load(&config.keys, &name)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bus = Bus::new(BusConfig::new(config.broker.uri.expose(), NAME));
        let source = Source {
            installation: config.installation.id,
            service: NAME.to_owned(),
            incarnation: u32::try_from(config.installation.incarnation)?,
        };
        let store = Store::connect(&config.store, source, Arc::new(bus.clone()), Arc::clone(&clock)).await?;
        let repository = Repository::open(store).await?;
        let (backend, members) = open_backend(&config)?;

        let tickets = Tickets::load(&config.keys.signing_key)?;
        let metadata_channel = rpc::channel(config.peers.uri(Audience::Metadata)?, &minter, Audience::Metadata)?;
        let metadata = Metadata::new(metadata_channel.clone());
        let logs = Logs::new(rpc::channel(config.peers.uri(Audience::Logs)?, &minter, Audience::Logs)?);
        let waiting = WaitingRoom::default();
        let policies = Policies::new(repository.clone());
        let stopping = Shutdown::new();
        let ending = Ending::new(repository.clone(), Arc::clone(&clock));
        let places = Places { repository: repository.clone(), waiting, policies, backend, clock: Arc::clone(&clock) };
        let (admission, intake) = (places.admission(&tickets), places.intake());
        let reads = places.reads(&stopping);
        let Places { waiting, policies, backend, .. } = places;
        let submit = Submit::new(metadata.clone(), intake);
        let stop = Stop::new(repository.clone(), Arc::clone(&clock));
        let (schedules, ticking) = scheduling(&repository, &metadata, &submit, &stop, &clock);
        let executions = Executions {
            access: Access::new(repository.clone(), metadata),
            submit,
            edits: Edits::new(repository.clone()),
            stop,
            reads,
            watches: Watches::new(repository.clone()),
        };
        let member_service = Members {
            claims: Claims::new(repository.clone()),
            minter,
            reports: Reports::new(repository.clone(), clock),
            watches: Watches::new(repository.clone()),
        };
        let pinged = repository.store().clone();
        let described = repository.store().clone();
        let server = rpc::Server::bind(NAME, config.service.listen)
            .await?
            .add_service(ExecutionServiceServer::new(executions))
            .add_service(MemberServiceServer::new(member_service))
            .add_service(ScheduleServiceServer::new(ScheduleHandlers { schedules }))
            .add_service(aggregates::service(repository.aggregates()))
            .stored(move || {
                let store = described.clone();
                async move { (store.outboxes().await.unwrap_or_default(), store.leases().await.unwrap_or_default()) }
            })
            .ready_when("store", move || {
                let store = pinged.clone();
                async move { store.ping().await.is_ok() }
            })
            .parked(Parked::new(config.broker.uri.expose(), topology::Service::Dispatcher))
            .telemetry(telemetry);
        Ok(Self {
            server,
            auth: auth::Layer::new(Verifier::load(&config.keys.dir)?, Audience::Dispatcher),
            keeper: AgentKeeper { members, command: agent_command(&config)? },
            queueing: Queueing { repository: repository.clone(), waiting: waiting.clone() },
            policy_sync: PolicySync {
                list: PolicyList::new(metadata_channel),
                policies,
                waiting: waiting.clone(),
                broker: config.broker.uri.clone(),
            },
            admitting: Admitting {
                admission,
                giving_up: GivingUp { ending: ending.clone(), waiting: waiting.clone() },
                waiting,
            },
            ticking,
            stopping,
            reconciling: Reconciling::new(repository.clone(), Arc::clone(&backend)),
            parts: Parts {
                repository: repository.clone(),
                backend,
                tickets,
                logs,
                ending,
                deadlines: (&config.deadlines).into(),
            },
            repository,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.server.address()
    }

    /// Serves, admits and reconciles until shutdown, then drains.
    pub async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let Self {
            server,
            auth,
            repository,
            keeper,
            queueing,
            policy_sync,
            admitting,
            ticking,
            stopping,
            reconciling,
            parts,
        } = self;
        let tasks = Tasks::default();
        let ended = shutdown.clone();
        tasks.spawn("stopping", async move {
            ended.cancelled().await;
            stopping.cancel();
        });
        tasks.spawn("queue", queueing.run(shutdown.clone()));
        tasks.spawn("policy-sync", policy_sync.run(shutdown.clone()));
        tasks.spawn("agent-keeper", keeper.run(shutdown.clone()));
        let reconciling = Arc::new(reconciling);
        let leading = repository.lease().lead(shutdown.clone(), |epoch, term| {
            let admitting = admitting.clone().run(epoch, term.clone());
            let ticking = ticking.clone().run(term.clone());
            // Anew for each term: its deadlines run from when it first sees a state (X6).
            let reconciler = Reconciler::new(parts.clone());
            let reconciling = Arc::clone(&reconciling);
            async move {
                tokio::join!(admitting, ticking, reconciling.run(reconciler, term));
            }
        });
        let (served, ()) = tokio::join!(server.serve(auth, shutdown), leading);
        tasks.finish().await;
        repository.store().clone().close().await;
        Ok(served?)
    }
}

/// What whoever gives, takes or explains places is made of.
struct Places {
    repository: Repository,
    waiting: WaitingRoom,
    policies: Policies,
    backend: Arc<dyn Backend>,
    clock: Arc<dyn Clock>,
}

impl Places {
    fn admission(&self, tickets: &Tickets) -> Admission {
        Admission {
            repository: self.repository.clone(),
            waiting: self.waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            tickets: tickets.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn intake(&self) -> Intake {
        Intake {
            repository: self.repository.clone(),
            waiting: self.waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            clock: Arc::clone(&self.clock),
        }
    }

    fn reads(&self, stopping: &Shutdown) -> Reads {
        Reads {
            repository: self.repository.clone(),
            waiting: self.waiting.clone(),
            policies: self.policies.clone(),
            backend: Arc::clone(&self.backend),
            stopping: stopping.clone(),
            clock: Arc::clone(&self.clock),
        }
    }
}

/// Who keeps schedules, and who launches what they are due for.
fn scheduling(
    repository: &Repository,
    metadata: &Metadata,
    submit: &Submit,
    stop: &Stop,
    clock: &Arc<dyn Clock>,
) -> (Schedules, Ticking) {
    let schedules = Schedules {
        repository: repository.clone(),
        metadata: metadata.clone(),
        clock: Arc::clone(clock),
        changed: Arc::default(),
    };
    let ticks =
        Ticks { repository: repository.clone(), submit: submit.clone(), stop: stop.clone(), clock: Arc::clone(clock) };
    let ticking = Ticking { ticks, changed: Arc::clone(&schedules.changed), clock: Arc::clone(clock) };
    (schedules, ticking)
}

fn open_backend(config: &Config) -> anyhow::Result<(Arc<dyn Backend>, katonic_member::Members)> {
    Ok(match config.backend.kind {
        BackendKind::Process => {
            let backend = ProcessBackend::open(config.process.settings()?)?;
            let members = backend.members().clone();
            (Arc::new(backend), members)
        }
        BackendKind::Docker => {
            let backend = DockerBackend::open(config.docker_settings()?)?;
            let members = backend.members().clone();
            (Arc::new(backend), members)
        }
    })
}

fn agent_command(config: &Config) -> anyhow::Result<AgentCommand> {
    let process = &config.process;
    let argument = |name: &str, path: &Path| [name.into(), path.as_os_str().to_owned()];
    let mut arguments = Vec::new();
    arguments.extend(argument("--members", &process.members));
    arguments.extend(argument("--git-cache", &process.git_cache));
    arguments.extend(["--gateway".into(), process.gateway.clone().into()]);
    if let Some(receiver) = &config.telemetry.otlp_endpoint {
        arguments.extend(["--otlp-endpoint".into(), receiver.into()]);
    }
    Ok(AgentCommand { program: process.agent_program()?, arguments, log: process.members.join(".agent.log") })
}
