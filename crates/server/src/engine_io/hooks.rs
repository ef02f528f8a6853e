use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use http::HeaderMap;

use crate::engine_io::EngineIoCookie;
use crate::error::Refusal;
use crate::request::Request;
use crate::routes::BoxFuture;

/// What an owner has to say about requests.
#[derive(Clone, Default)]
pub(crate) struct Hooks {
    allow_request: Option<Arc<AllowRequest>>,
    initial_headers: Option<Arc<AddHeaders>>,
    headers: Option<Arc<AddHeaders>>,
    cookie: Option<EngineIoCookie>,
}

type AllowRequest = dyn Fn(Request) -> BoxFuture<Result<(), Cow<'static, str>>> + Send + Sync;
type AddHeaders = dyn Fn(&Request, &mut HeaderMap) + Send + Sync;

impl Hooks {
    pub(crate) fn set_allow_request<H, F, M>(&mut self, hook: H)
    where
        H: Fn(Request) -> F + Send + Sync + 'static,
        F: Future<Output = Result<(), M>> + Send + 'static,
        M: Into<Cow<'static, str>>,
    {
        self.allow_request = Some(Arc::new(move |request| {
            let allowed = hook(request);
            Box::pin(async move { allowed.await.map_err(Into::into) })
        }));
    }

    pub(crate) fn set_initial_headers(
        &mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) {
        self.initial_headers = Some(Arc::new(hook));
    }

    pub(crate) fn set_headers(
        &mut self,
        hook: impl Fn(&Request, &mut HeaderMap) + Send + Sync + 'static,
    ) {
        self.headers = Some(Arc::new(hook));
    }

    pub(crate) fn set_cookie(&mut self, cookie: EngineIoCookie) {
        self.cookie = Some(cookie);
    }

    /// Whether the owner lets a client in.
    pub(crate) async fn allow(&self, head: &Request) -> Result<(), Refusal> {
        match &self.allow_request {
            Some(hook) => hook(head.clone()).await.map_err(Refusal::EngineIoClient),
            None => Ok(()),
        }
    }

    /// What the answer to a handshake has beside its own header fields.
    pub(crate) fn handshake_headers(&self, head: &Request, sid: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(field) = self.cookie.as_ref().and_then(|cookie| cookie.to_field(sid)) {
            headers.append(http::header::SET_COOKIE, field);
        }
        if let Some(hook) = &self.initial_headers {
            hook(head, &mut headers);
        }
        if let Some(hook) = &self.headers {
            hook(head, &mut headers);
        }
        headers
    }

    /// What the answer to a later request has beside its own header fields.
    pub(crate) fn headers(&self, head: &Request) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if let Some(hook) = &self.headers {
            hook(head, &mut headers);
        }
        headers
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("allow_request", &self.allow_request.is_some())
            .field("initial_headers", &self.initial_headers.is_some())
            .field("headers", &self.headers.is_some())
            .field("cookie", &self.cookie)
            .finish()
    }
}
