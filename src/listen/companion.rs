//! What a client's connection is bound to, where it is bound to anything: both end together.

use std::any::Any;
use std::fmt::Debug;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};

/// The other half of a client's connection: it ends with it, and the client's ends with this one.
pub trait Companion: Any + Send + Sync + Debug {
    /// Whether the client's connection must end with the answer that is under way.
    fn has_parted(&self) -> bool;

    /// Waits until the client's connection must end, while nothing is under way on it.
    fn parted(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// A connection's place for one. Most connections never have any.
#[derive(Debug, Clone, Default)]
pub(super) struct Place(OnceLock<Arc<dyn Companion>>);

impl Place {
    pub(super) fn get<C: Companion>(&self) -> Option<&C> {
        let companion: &dyn Any = self.0.get()?.as_ref();
        companion.downcast_ref()
    }

    /// The one that is there, or a new one.
    pub(super) fn get_or_make<C: Companion + Default>(&self) -> Option<&C> {
        self.0.get_or_init(|| Arc::new(C::default()));
        self.get()
    }

    pub(super) fn has_parted(&self) -> bool {
        self.0.get().is_some_and(|companion| companion.has_parted())
    }

    pub(super) async fn parted(&self) {
        match self.0.get() {
            Some(companion) => companion.parted().await,
            None => std::future::pending().await,
        }
    }
}
