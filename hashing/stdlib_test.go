package hashing

import (
	"crypto/sha256"
	"encoding"
	"runtime/debug"
	"slices"
	"testing"
)

// skipIfDigestAllocates skips the kernel "stdlib" under the race detector:
// with it crypto/sha256 allocates the zeros that it appends to a
// digest's state.
func skipIfDigestAllocates(t *testing.T, k Kernel) {
	t.Helper()
	info, ok := debug.ReadBuildInfo()
	if k.Name == "stdlib" && ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("crypto/sha256 allocates under the race detector")
	}
}

func TestDigestStateHasItsSize(t *testing.T) {
	digest := sha256.New()
	digest.Write([]byte("abc"))
	text, err := digest.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	if len(text) != len(digestState{}) {
		t.Errorf("the state of a digest has %d bytes, want %d", len(text), len(digestState{}))
	}
}
