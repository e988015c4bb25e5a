//! Git's way through.

use futures::{StreamExt as _, stream};
use http::{
    StatusCode,
    header::{AUTHORIZATION, WWW_AUTHENTICATE},
};
use katonic_domain::{ExecutionId, ProjectId};
use katonic_service::auth::{AgentGrant, Audience};

use crate::{
    Outcome,
    world::{Standing, World, well_formed},
};

#[tokio::test]
async fn git_is_asked_for_a_password_and_takes_a_token() -> Outcome {
    let world = World::start().await?;
    let path = world.uri(&format!("/git/{}.git/info/refs?service=git-upload-pack", ProjectId::generate()));
    let asked = world.http.get(&path).send().await?;
    assert_eq!(asked.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(asked.headers()[WWW_AUTHENTICATE], "Basic realm=\"katonic\"");

    let token = world.token();
    let answer = world.http.get(&path).basic_auth("any", Some(&token)).header("x-user", "admin").send().await?;
    assert_eq!(answer.status(), StatusCode::OK);
    let text = answer.text().await?;
    let Some(Standing::Good(user, _)) = world.tokens.get(&token) else { return Err("no such token".into()) };
    assert!(text.starts_with(&user.to_string()) && text.contains("?service=git-upload-pack"), "{text}");
    assert!(!text.contains("x-user"), "{text}");
    assert_eq!(world.http.get(&path).bearer_auth(&token).send().await?.status(), StatusCode::OK);
    world.finish().await
}

#[tokio::test]
async fn who_is_not_known_gets_no_repository() -> Outcome {
    let world = World::start().await?;
    let path = world.uri(&format!("/git/{}.git/info/refs", ProjectId::generate()));
    let service = world.minter("dispatcher")?.for_service(Audience::Git)?;
    for secret in ["nothing", &well_formed(), "kmt_x", service.token.expose()] {
        let basic = world.http.get(&path).basic_auth("any", Some(secret)).send().await?;
        assert_eq!(basic.status(), StatusCode::UNAUTHORIZED, "{secret}");
        let bearer = world.http.get(&path).bearer_auth(secret).send().await?;
        assert_eq!(bearer.status(), StatusCode::UNAUTHORIZED, "{secret}");
    }
    let elsewhere = world.http.get(world.uri("/git/x.git/config")).header(AUTHORIZATION, "Basic x").send().await?;
    assert_eq!(elsewhere.status(), StatusCode::UNAUTHORIZED);
    world.finish().await
}

#[tokio::test]
async fn an_agent_pushes_with_its_own_token_and_bytes_come_through() -> Outcome {
    let world = World::start().await?;
    let member = format!("{}/1/main/0", ExecutionId::generate());
    let grant = AgentGrant { member: member.parse()?, project: ProjectId::generate() };
    let agent = world.minter("dispatcher")?.for_agent(&grant)?;
    let pack: Vec<u8> = (0..=u8::MAX).cycle().take(3 << 20).collect();
    let path = world.uri(&format!("/git/{}.git/git-receive-pack", grant.project));
    let push = world.http.post(path).basic_auth("agent", Some(agent.token.expose())).body(pack.clone());
    let answer = push.send().await?.bytes().await?;
    assert!(answer.starts_with(format!("mem_{member} ").as_bytes()));
    assert!(answer.ends_with(&pack));
    world.finish().await
}

#[tokio::test]
async fn a_revoked_token_ends_an_exchange() -> Outcome {
    let world = World::start().await?;
    let token = world.token();
    let path = world.uri(&format!("/git/{}.git/git-receive-pack", ProjectId::generate()));
    let first = stream::iter([Ok::<_, std::io::Error>("first")]);
    let endless = reqwest::Body::wrap_stream(first.chain(stream::pending()));
    let mut answer = world.http.post(path).basic_auth("any", Some(&token)).body(endless).send().await?;
    assert!(answer.chunk().await?.is_some());
    world.tokens.set(&token, Standing::Revoked);
    let end = loop {
        match answer.chunk().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert!(end.is_err(), "the exchange must not look whole: {end:?}");
    drop(answer);
    world.finish().await
}
