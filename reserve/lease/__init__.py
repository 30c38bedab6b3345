"""From a wish to a lease: free slots, leases, the time that is left, giving back."""
