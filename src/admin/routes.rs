//! The one list of routes. Each has its right, which is held against the visitor before anything of
//! the request is looked at.

use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use http::Method;

use super::access::{self, Right, Visitor};
use super::shell::Asking;
use super::{Admin, Refusal, api, guard};

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The method.
    pub method: Method,
    /// The path, as axum writes it: `/travel/{id}`.
    pub path: &'static str,
    /// Whom it is for.
    pub right: Right,
}

/// The routes so far.
pub struct Routes {
    admin: Admin,
    router: Router<Admin>,
    list: Vec<Route>,
}

impl std::fmt::Debug for Routes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.list).finish()
    }
}

impl Routes {
    pub(super) fn new(admin: Admin) -> Self {
        Self { admin, router: Router::new(), list: Vec::new() }
    }

    /// A page, or something else that is read.
    #[must_use]
    pub fn get<H, T>(self, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        self.add(Method::GET, MethodFilter::GET, path, right, handler)
    }

    /// A form, or a call that makes or does something.
    #[must_use]
    pub fn post<H, T>(self, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        self.add(Method::POST, MethodFilter::POST, path, right, handler)
    }

    /// A call that puts something in the place of what is there.
    #[must_use]
    pub fn put<H, T>(self, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        self.add(Method::PUT, MethodFilter::PUT, path, right, handler)
    }

    /// A call that changes a part of what is there.
    #[must_use]
    pub fn patch<H, T>(self, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        self.add(Method::PATCH, MethodFilter::PATCH, path, right, handler)
    }

    /// A call that takes something away.
    #[must_use]
    pub fn delete<H, T>(self, path: &'static str, right: Right, handler: H) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        self.add(Method::DELETE, MethodFilter::DELETE, path, right, handler)
    }

    /// Every route.
    #[must_use]
    pub fn list(&self) -> &[Route] {
        &self.list
    }

    fn add<H, T>(
        mut self,
        method: Method,
        filter: MethodFilter,
        path: &'static str,
        right: Right,
        handler: H,
    ) -> Self
    where
        H: Handler<T, Admin>,
        T: 'static,
    {
        let state = (self.admin.clone(), right);
        let route = on(filter, handler).layer(middleware::from_fn_with_state(state, enforce));
        self.router = self.router.route(path, route);
        self.list.push(Route { method, path, right });
        self
    }

    pub(super) fn into_router(self) -> Router {
        self.router
            .method_not_allowed_fallback(not_allowed)
            .fallback(not_found)
            .with_state(self.admin)
    }
}

async fn not_found(State(admin): State<Admin>, request: Request) -> Response {
    let asked = Asking::of(&request);
    drop(request);
    nowhere(&admin, &asked, Refusal::NotFound).await
}

async fn not_allowed(State(admin): State<Admin>, request: Request) -> Response {
    let asked = Asking::of(&request);
    drop(request);
    nowhere(&admin, &asked, Refusal::MethodNotAllowed).await
}

/// Which paths there are is not told to strangers either.
async fn nowhere(admin: &Admin, asked: &Asking, refusal: Refusal) -> Response {
    match access::visitor(admin, asked).await {
        Ok(Some(visitor)) => {
            let mut response = refusal.into_response();
            response.extensions_mut().insert(visitor);
            response
        }
        Ok(None) => Refusal::SignInNeeded.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

/// Strangers learn nothing but that they are strangers; whoever has not the right learns that; a
/// form without our token does nothing.
async fn enforce(
    State((admin, right)): State<(Admin, Right)>,
    mut request: Request,
    next: Next,
) -> Response {
    let asked = Asking::of(&request);
    let visitor = match access::visitor(&admin, &asked).await {
        Ok(visitor) => visitor,
        Err(refusal) => return refusal.into_response(),
    };
    let mut response = match permit(right, visitor.as_ref(), &mut request).await {
        Ok(()) => {
            if let Some(visitor) = &visitor {
                request.extensions_mut().insert(visitor.clone());
            }
            match &visitor {
                Some(visitor) if guard::is_api(&asked.path) && request.method() == Method::POST => {
                    api::once(&admin, visitor, request, next).await
                }
                _ => next.run(request).await,
            }
        }
        Err(refusal) => refusal.into_response(),
    };
    if let Some(visitor) = visitor {
        response.extensions_mut().insert(visitor);
    }
    response
}

async fn permit(
    right: Right,
    visitor: Option<&Visitor>,
    request: &mut Request,
) -> Result<(), Refusal> {
    match visitor {
        None if right != Right::Everybody => return Err(Refusal::SignInNeeded),
        Some(visitor) if !right.is_of(visitor) => return Err(Refusal::NotPermitted),
        _ => {}
    }
    match visitor {
        Some(visitor) if right != Right::Everybody => guard::check_token(visitor, request).await,
        _ => Ok(()),
    }
}
