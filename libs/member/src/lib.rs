//! katonic-member
