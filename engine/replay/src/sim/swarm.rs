//! Runs with faults drawn at random, looking for what must never happen.
