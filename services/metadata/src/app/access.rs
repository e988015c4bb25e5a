//! Wiring of what is about users, projects and who may do what.

use std::sync::Arc;

use katonic_domain::Clock;
use katonic_proto::metadata::v1::{
    access_service_server::AccessServiceServer, grant_service_server::GrantServiceServer,
    organisation_service_server::OrganisationServiceServer, project_service_server::ProjectServiceServer,
    token_service_server::TokenServiceServer, user_service_server::UserServiceServer,
};
use katonic_service::rpc;

use crate::{
    config::Config,
    git::Repositories,
    grpc::{
        access_service::AccessHandlers, grant_service::GrantHandlers, organisation_service::OrganisationHandlers,
        project_service::ProjectHandlers, token_service::TokenHandlers, user_service::UserHandlers,
    },
    store::Repository,
    usecases::{
        access::Access, grants::Grants, launches::Launches, organisations::Organisations, project_list::ProjectList,
        projects::Projects, tiers::Tiers, tokens::Tokens, users::Users, visibility::Visibility,
    },
};

/// What is shared with the rest of the role.
pub(super) struct Shared<'a> {
    pub(super) repository: &'a Repository,
    pub(super) clock: &'a Arc<dyn Clock>,
    pub(super) tiers: &'a Tiers,
}

/// Adds the services.
pub(super) fn serve(server: rpc::Server, config: &Config, shared: Shared<'_>) -> rpc::Server {
    let Shared { repository, clock, tiers } = shared;
    let access = Access::new(repository.clone());
    let users = Users::new(repository.clone(), Arc::clone(clock));
    let tokens = Tokens::new(repository.clone(), Arc::clone(clock));
    let projects = Projects::new(repository.clone(), access.clone(), Arc::clone(clock));
    let grants = Grants::new(repository.clone(), Arc::clone(clock));
    let organisations = Organisations::new(repository.clone(), Arc::clone(clock));
    let repositories = Repositories::new(&config.git.repositories);
    let launches = Launches::new(access.clone(), tiers.clone(), repositories);
    let visibility = Visibility::new(repository.clone());
    let list = ProjectList::new(repository.clone());
    let project_handlers = ProjectHandlers { access: access.clone(), projects, list, grants: grants.clone() };
    server
        .add_service(ProjectServiceServer::new(project_handlers))
        .add_service(GrantServiceServer::new(GrantHandlers { access: access.clone(), grants }))
        .add_service(OrganisationServiceServer::new(OrganisationHandlers { organisations }))
        .add_service(UserServiceServer::new(UserHandlers { users: users.clone(), tokens: tokens.clone() }))
        .add_service(TokenServiceServer::new(TokenHandlers { tokens: tokens.clone(), users }))
        .add_service(AccessServiceServer::new(AccessHandlers { access, launches, tokens, visibility }))
}
