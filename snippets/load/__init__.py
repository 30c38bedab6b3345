"""Load on any service: closed and open loops, their senders, MLPerf LoadGen, and queueing theory."""
