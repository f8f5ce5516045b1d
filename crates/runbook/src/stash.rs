//! What earlier steps leave for later ones: one value a type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A map from a type to the one value of it. A backup puts its manifest here, and the rollback reads it.
#[derive(Default)]
pub struct Stash {
    values: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
}

impl Stash {
    /// Puts a value, in place of an earlier one of the same type.
    pub fn put<T: Any + Send + Sync>(&self, value: T) {
        self.values.lock().unwrap_or_else(PoisonError::into_inner).insert(TypeId::of::<T>(), Arc::new(value));
    }

    /// The value of this type, where one was put.
    pub fn get<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        let values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        values.get(&TypeId::of::<T>()).cloned().and_then(|value| value.downcast().ok())
    }
}
