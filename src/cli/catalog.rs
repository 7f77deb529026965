//! `ecsim catalog`: what the price and instance book says.
