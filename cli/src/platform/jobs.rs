//! `down --stop-jobs`: stops what runs, through the API like anybody.
