//! Every way to be believed that must not work, tried (SECURITY-CASES 14, 18).

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use ed25519_dalek::{
    Signer, SigningKey,
    pkcs8::{EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding},
};
use katonic_domain::{ExecutionId, Timestamp};
use katonic_proto::{auth::v1::Access, rules::Rule};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::KeysSection;

const KID: &str = "main";

struct Keys {
    dir: TempDir,
    key: SigningKey,
}

impl Keys {
    fn new() -> Self {
        let keys = Self { dir: TempDir::new().expect("a folder"), key: SigningKey::from_bytes(&[7; 32]) };
        let private = keys.key.to_pkcs8_pem(LineEnding::LF).expect("PEM");
        let path = keys.dir.path().join("main.key.pem");
        fs::write(&path, private.as_bytes()).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).expect("a mode");
        keys.publish(KID);
        keys
    }

    fn publish(&self, kid: &str) {
        let public = self.key.verifying_key().to_public_key_pem(LineEnding::LF).expect("PEM");
        fs::write(self.dir.path().join(format!("{kid}.pub.pem")), public).expect("written");
    }

    fn section(&self) -> KeysSection {
        KeysSection { dir: self.dir.path().to_owned(), signing_key: self.dir.path().join("main.key.pem") }
    }

    fn minter(&self, service: &str) -> Minter {
        Minter::load(&self.section(), &service.parse().expect("a name")).expect("a key")
    }

    fn verifier(&self) -> Verifier {
        Verifier::load(self.dir.path()).expect("keys")
    }

    /// A token of any header and claims, rightly signed.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let signature = self.key.sign(signed.as_bytes());
        format!("{signed}.{}", base64(&signature.to_bytes()))
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let bits = chunk.iter().fold(0_u32, |bits, byte| (bits << 8) | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for digit in 0..=chunk.len() {
            text.push(char::from(DIGITS[(bits >> (18 - 6 * digit)) as usize & 63]));
        }
    }
    text
}

fn header() -> Value {
    json!({"alg": "EdDSA", "typ": "katonic+jwt", "kid": KID})
}

fn claims() -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": "api-gateway", "aud": ["metadata"], "sub": katonic_domain::UserId::generate(), "kind": "user",
        "iat": now, "nbf": now, "exp": now + 60, "jti": "1", "scopes": ["*"], "adm": false,
        "tok": katonic_domain::TokenId::generate(),
    })
}

fn with(mut object: Value, key: &str, value: Value) -> Value {
    object[key] = value;
    object
}

fn grant() -> UserGrant {
    UserGrant {
        user: katonic_domain::UserId::generate(),
        token: katonic_domain::TokenId::generate(),
        admin: true,
        scopes: ["*".parse().expect("a scope")].into(),
        expires: None,
    }
}

fn member() -> AgentGrant {
    let member = format!("{}/1/main/0", ExecutionId::generate()).parse().expect("a member id");
    AgentGrant { member, project: katonic_domain::ProjectId::generate() }
}

#[test]
fn each_kind_of_caller_is_known_by_its_token() {
    let (keys, audience) = (Keys::new(), [Audience::Dispatcher]);
    let grant = grant();
    let user = keys.minter("api-gateway").for_user(&grant, Audience::Dispatcher).expect("minted");
    let Ok(Caller::User(user)) = keys.verifier().verify(user.token.expose(), &audience) else {
        unreachable!("refused")
    };
    assert_eq!((user.id, user.token, user.admin, user.scopes), (grant.user, grant.token, true, grant.scopes));

    let service = keys.minter("metadata").for_service(Audience::Dispatcher).expect("minted");
    let caller = keys.verifier().verify(service.token.expose(), &audience).expect("good");
    assert_eq!(caller.subject(), "svc_metadata");

    let member = member();
    let agent = keys.minter("dispatcher").for_agent(&member).expect("minted");
    for audience in [Audience::Dispatcher, Audience::Logs, Audience::Git] {
        let caller = keys.verifier().verify(agent.token.expose(), &[audience]).expect("good");
        assert_eq!(caller.subject(), format!("mem_{}", member.member));
    }
    assert!(keys.verifier().verify(agent.token.expose(), &[Audience::Metadata]).is_err());
}

#[test]
fn a_service_token_is_reused_while_it_lasts() {
    let minter = Keys::new().minter("metadata");
    let first = minter.for_service(Audience::Logs).expect("minted");
    assert_eq!(first.token.expose(), minter.for_service(Audience::Logs).expect("minted").token.expose());
    assert_ne!(first.token.expose(), minter.for_service(Audience::Git).expect("minted").token.expose());
}

#[test]
fn no_token_outlives_its_credential() {
    let end = Timestamp::from_second(Timestamp::now().as_second() + 10).expect("a time");
    let grant = UserGrant { expires: Some(end), ..grant() };
    let minted = Keys::new().minter("api-gateway").for_user(&grant, Audience::Metadata).expect("minted");
    assert_eq!(minted.expires, end);
}

#[test]
fn claims_that_do_not_fit_are_refused() {
    let keys = Keys::new();
    let verifier = keys.verifier();
    let verify = |header: &Value, claims: &Value| {
        verifier.verify(&keys.sign(header, claims), &[Audience::Metadata]).map(|caller| caller.subject())
    };
    assert!(verify(&header(), &claims()).is_ok());
    let now = Timestamp::now().as_second();
    for (key, value) in [
        ("aud", json!(["dispatcher"])),
        ("aud", json!([])),
        ("aud", json!(["everyone"])),
        ("iss", json!("dispatcher")),
        ("iss", Value::Null),
        ("sub", json!("admin")),
        ("sub", json!("usr_../../etc")),
        ("kind", json!("service")),
        ("kind", json!("agent")),
        ("kind", json!("root")),
        ("tok", Value::Null),
        ("scopes", json!(["everything"])),
        ("scopes", json!("*")),
        ("adm", json!("true")),
        ("nbf", json!(now + 600)),
        ("iat", json!(now + 600)),
        ("exp", json!(now + 600)),
        ("exp", json!("never")),
        ("exp", Value::Null),
    ] {
        let refused = verify(&header(), &with(claims(), key, value.clone()));
        assert_eq!(refused, Err(Error::Invalid), "{key} = {value}");
    }
    let old = with(with(claims(), "iat", json!(now - 100)), "exp", json!(now - 40));
    assert_eq!(verify(&header(), &old), Err(Error::Expired));
}

#[test]
fn headers_that_are_not_ours_are_refused() {
    let keys = Keys::new();
    let verifier = keys.verifier();
    for (key, value) in [
        ("alg", json!("none")),
        ("alg", json!("HS256")),
        ("alg", json!("ES256")),
        ("typ", json!("JWT")),
        ("typ", Value::Null),
        ("kid", json!("other")),
        ("kid", json!("../main")),
        ("kid", json!("main' or '1'='1")),
        ("kid", Value::Null),
        ("jku", json!("https://evil.example/keys")),
        ("x5u", json!("https://evil.example/key")),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})),
        ("crit", json!(["exp"])),
    ] {
        let token = keys.sign(&with(header(), key, value.clone()), &claims());
        assert_eq!(verifier.verify(&token, &[Audience::Metadata]).map(|_| ()), Err(Error::Invalid), "{key} = {value}");
    }
}

#[test]
fn a_changed_or_unsigned_token_is_refused() {
    let keys = Keys::new();
    let verifier = keys.verifier();
    let good = keys.sign(&header(), &claims());
    let parts: Vec<_> = good.split('.').collect();
    let forged_claims = base64(with(claims(), "adm", json!(true)).to_string().as_bytes());
    let none = base64(br#"{"alg":"none","typ":"katonic+jwt","kid":"main"}"#);
    let others = Keys { key: SigningKey::from_bytes(&[8; 32]), ..Keys::new() };
    for token in [
        format!("{}.{forged_claims}.{}", parts[0], parts[2]),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{none}.{}.", parts[1]),
        format!("{}.{}", parts[0], parts[1]),
        others.sign(&header(), &claims()),
        String::new(),
        "...".to_owned(),
        "x".repeat(10_000),
    ] {
        assert_eq!(verifier.verify(&token, &[Audience::Metadata]).map(|_| ()), Err(Error::Invalid), "{token}");
    }
}

#[test]
fn a_public_key_is_no_shared_secret() {
    let keys = Keys::new();
    let public = fs::read(keys.dir.path().join("main.pub.pem")).expect("there");
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
    header.typ = Some("katonic+jwt".to_owned());
    header.kid = Some(KID.to_owned());
    let secret = jsonwebtoken::EncodingKey::from_secret(&public);
    let token = jsonwebtoken::encode(&header, &claims(), &secret).expect("signed");
    assert!(keys.verifier().verify(&token, &[Audience::Metadata]).is_err());
}

#[test]
fn a_private_key_that_others_may_read_is_refused() {
    let keys = Keys::new();
    fs::set_permissions(&keys.section().signing_key, fs::Permissions::from_mode(0o640)).expect("a mode");
    let refused = Minter::load(&keys.section(), &"metadata".parse().expect("a name"));
    assert!(matches!(refused, Err(KeyError::Exposed(_))));
    assert!(matches!(Verifier::load(Path::new("/nowhere")), Err(KeyError::Read { .. })));
}

#[test]
fn every_rule_lets_in_its_own_kind_only() {
    let user = |scope: &str| {
        Caller::User(User {
            id: katonic_domain::UserId::generate(),
            token: katonic_domain::TokenId::generate(),
            admin: true,
            scopes: [scope.parse().expect("a scope")].into(),
        })
    };
    let AgentGrant { member, project } = member();
    let callers = [
        user("projects:read"),
        user("projects:write"),
        Caller::Service("metadata".parse().expect("a name")),
        Caller::Agent(Agent { member, project }),
        Caller::Ticket(Ticket(crate::Secret::new("kmt_x".to_owned()))),
        Caller::Anyone,
    ];
    let access = Access { scope: "projects:write".to_owned(), ..Access::default() };
    let allowed = |rule: Rule| callers.each_ref().map(|caller| admit(&rule, caller).is_ok());
    assert_eq!(allowed(Rule::Access(access)), [false, true, false, false, false, false]);
    assert_eq!(allowed(Rule::Service), [false, false, true, false, false, false]);
    assert_eq!(allowed(Rule::Agent), [false, false, false, true, true, false]);
    assert_eq!(allowed(Rule::Public), [true; 6]);
}
