//! Mints the 60 s tokens that services give one another (DESIGN I2).

use std::{
    collections::{BTreeSet, HashMap},
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use katonic_domain::{Clock, MemberId, Name, ProjectId, Scope, SystemClock, Timestamp, TokenId, UserId};

use super::{
    Audience, Claims, KeyError, Kind,
    claims::{LIFETIME_SECONDS, TYPE},
};
use crate::config::{KeysSection, Secret};

const KEY_SUFFIX: &str = ".key.pem";
/// A cached token is given out while it is good for at least this long.
const SPARE_SECONDS: i64 = 30;

/// A minted token.
#[derive(Debug, Clone)]
pub struct Minted {
    /// The compact JWT.
    pub token: Arc<Secret<String>>,
    /// Until when it is good.
    pub expires: Timestamp,
}

/// For whom the gateway mints: what authentication found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserGrant {
    /// The user.
    pub user: UserId,
    /// The credential.
    pub token: TokenId,
    /// Whether they administer the installation.
    pub admin: bool,
    /// What the credential may be used for.
    pub scopes: BTreeSet<Scope>,
    /// When the credential expires: no minted token outlives it.
    pub expires: Option<Timestamp>,
}

/// For whom the dispatcher mints: a claimed member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentGrant {
    /// The member.
    pub member: MemberId,
    /// The project of its execution.
    pub project: ProjectId,
}

/// Signs tokens in the name of one service. Cheap to clone.
#[derive(Clone)]
pub struct Minter(Arc<Inner>);

struct Inner {
    service: Name,
    kid: String,
    key: EncodingKey,
    clock: Arc<dyn Clock>,
    own: Mutex<HashMap<Audience, Minted>>,
}

impl std::fmt::Debug for Minter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Minter").field("service", &self.0.service).field("kid", &self.0.kid).finish_non_exhaustive()
    }
}

impl Minter {
    /// Reads the private key of the installation.
    ///
    /// # Errors
    /// A file that is not there, exposed, misnamed, or no Ed25519 key.
    pub fn load(keys: &KeysSection, service: &Name) -> Result<Self, KeyError> {
        Self::with_clock(keys, service, Arc::new(SystemClock))
    }

    /// As [`Minter::load`], with a clock of one's own.
    ///
    /// # Errors
    /// As [`Minter::load`].
    pub fn with_clock(keys: &KeysSection, service: &Name, clock: Arc<dyn Clock>) -> Result<Self, KeyError> {
        let path = &keys.signing_key;
        let kid = kid_of(path).ok_or_else(|| KeyError::Name(path.clone()))?;
        let read = |source| KeyError::Read { path: path.clone(), source };
        if fs::metadata(path).map_err(read)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Exposed(path.clone()));
        }
        let pem = fs::read(path).map_err(read)?;
        let key = EncodingKey::from_ed_pem(&pem).map_err(|source| KeyError::Pem { path: path.clone(), source })?;
        let own = Mutex::default();
        Ok(Self(Arc::new(Inner { service: service.clone(), kid, key, clock, own })))
    }

    /// The service's own token for a peer; the same one while it lasts.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn for_service(&self, audience: Audience) -> Result<Minted, KeyError> {
        let mut own = self.0.own.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.0.clock.now();
        if let Some(minted) = own.get(&audience).filter(|m| m.expires.as_second() - now.as_second() >= SPARE_SECONDS) {
            return Ok(minted.clone());
        }
        let subject = Claims::subject_of_service(&self.0.service);
        let minted = self.sign(&self.claims(Kind::Service, subject, vec![audience], None)?)?;
        own.insert(audience, minted.clone());
        Ok(minted)
    }

    /// A user's token for one owner; never outlives the credential.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn for_user(&self, grant: &UserGrant, audience: Audience) -> Result<Minted, KeyError> {
        let mut claims = self.claims(Kind::User, grant.user.to_string(), vec![audience], grant.expires)?;
        claims.scopes.clone_from(&grant.scopes);
        claims.adm = grant.admin;
        claims.tok = Some(grant.token);
        self.sign(&claims)
    }

    /// A claimed member's token, for everything that its agent calls.
    ///
    /// # Errors
    /// [`KeyError::Sign`].
    pub fn for_agent(&self, grant: &AgentGrant) -> Result<Minted, KeyError> {
        let audience = vec![Audience::Dispatcher, Audience::Logs, Audience::Git];
        let mut claims = self.claims(Kind::Agent, Claims::subject_of_member(&grant.member), audience, None)?;
        claims.exe = Some(grant.member.execution);
        claims.att = Some(grant.member.attempt);
        claims.prj = Some(grant.project);
        self.sign(&claims)
    }

    fn claims(
        &self,
        kind: Kind,
        sub: String,
        aud: Vec<Audience>,
        not_after: Option<Timestamp>,
    ) -> Result<Claims, KeyError> {
        let now = self.0.clock.now().as_second();
        let exp = not_after.map_or(now + LIFETIME_SECONDS, |end| end.as_second().min(now + LIFETIME_SECONDS));
        Ok(Claims {
            iss: self.0.service.to_string(),
            aud,
            sub,
            kind,
            iat: now,
            nbf: now,
            exp,
            jti: random_id()?,
            scopes: BTreeSet::new(),
            adm: false,
            tok: None,
            exe: None,
            prj: None,
            att: None,
        })
    }

    fn sign(&self, claims: &Claims) -> Result<Minted, KeyError> {
        let mut header = Header::new(Algorithm::EdDSA);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(self.0.kid.clone());
        let token = jsonwebtoken::encode(&header, claims, &self.0.key).map_err(KeyError::Sign)?;
        let expires = Timestamp::from_second(claims.exp).unwrap_or(Timestamp::MAX);
        Ok(Minted { token: Arc::new(Secret::new(token)), expires })
    }
}

fn random_id() -> Result<String, KeyError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| KeyError::Random)?;
    Ok(hex::encode(bytes))
}

fn kid_of(path: &Path) -> Option<String> {
    let kid = path.file_name()?.to_str()?.strip_suffix(KEY_SUFFIX)?;
    (!kid.is_empty()).then(|| kid.to_owned())
}
