package selfsigned

import (
	"testing"
	"time"
)

// A zone is no part of the address that a certificate is for.
func TestHosts(t *testing.T) {
	c, err := Certificate(time.Now(), "localhost", "192.0.2.1", "fe80::1%enP4p65s0")
	if err != nil {
		t.Fatal(err)
	}
	if names := c.Leaf.DNSNames; len(names) != 1 || names[0] != "localhost" {
		t.Errorf("names %q", names)
	}
	for _, host := range []string{"localhost", "192.0.2.1", "fe80::1"} {
		if err := c.Leaf.VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if err := c.Leaf.VerifyHostname("fe80::2"); err == nil {
		t.Error("is for any address")
	}
}
