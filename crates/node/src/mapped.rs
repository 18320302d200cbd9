//! What is mapped where: so that work off the event loop keeps memory that it was given by address.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tsdsm_core::mapping::Mapping;

/// The mappings that JavaScript has buffers over, by their first address; of this process, whose address space it is.
static MAPPED: Mutex<BTreeMap<usize, Weak<Mapping>>> = Mutex::new(BTreeMap::new());

fn locked<R>(work: impl FnOnce(&mut BTreeMap<usize, Weak<Mapping>>) -> R) -> R {
    work(&mut MAPPED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Enters a mapping. Another one that was at its place is gone.
pub fn remember(mapping: &Arc<Mapping>) {
    locked(|mapped| mapped.insert(mapping.as_ptr() as usize, Arc::downgrade(mapping)));
}

/// Drops a buffer's reference to its mapping, and the entry with the last one.
pub fn forget(mapping: Arc<Mapping>) {
    let place = mapping.as_ptr() as usize;
    drop(mapping);
    locked(|mapped| {
        if mapped.get(&place).is_some_and(|weak| weak.strong_count() == 0) {
            mapped.remove(&place);
        }
    });
}

/// The mapping that so many bytes lie in; none where they are the engine's own.
pub fn mapping_of(data: *const u8, bytes: usize) -> Option<Arc<Mapping>> {
    let start = data as usize;
    let mapping = locked(|mapped| mapped.range(..=start).next_back().and_then(|(_, weak)| weak.upgrade()))?;
    // While it lives nothing else can be at its addresses.
    let end = mapping.as_ptr() as usize + mapping.len();
    start.checked_add(bytes).is_some_and(|last| last <= end).then_some(mapping)
}
