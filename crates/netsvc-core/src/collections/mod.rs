//! Tables for what the core looks up most.

pub(crate) mod id_allocator;
pub(crate) mod id_map;
pub(crate) mod pointer_cache;
pub(crate) mod seeded_map;
pub(crate) mod service_map;
pub(crate) mod timers;
