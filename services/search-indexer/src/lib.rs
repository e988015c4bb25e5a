//! search-indexer: the event feed and the search index, both made from events
//! and rebuildable from their owners; it is a source of no truth.
#![warn(missing_docs)]
