//! katonic-api-gateway
