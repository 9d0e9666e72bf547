package v1

import (
	"encoding/json"
	"strings"
	"testing"

	"quarry/stratum/printable"
)

// TestRedactor: an echo of the password is taken out in every form that JSON
// gives it, and wherever the text is cut.
func TestRedactor(t *testing.T) {
	for _, secret := range []string{"S3cretPass", `S3cret"Pass`, `back\slash\\`, "S3crét<Pass>", "日本😀x", "a.*b[c", "tab\there"} {
		plain, _ := json.Marshal(secret)
		ascii := string(escapeASCII(plain))
		twice, _ := json.Marshal(string(plain))
		r := printable.NewRedactor(secret)
		for _, echo := range []string{secret, string(plain), ascii, string(twice), strings.Trim(ascii, `"`)} {
			m := Message{redact: r.Replace}
			for _, lead := range []int{0, 10, printable.MaxText - 5, printable.MaxText - 1} {
				got := m.words(strings.Repeat("y", lead) + echo + " tail")
				if strings.Contains(got, "S3c") || strings.Contains(got, "back") || strings.Contains(got, "日") || strings.Contains(got, "b[c") ||
					strings.Contains(got, "there") || strings.Contains(got, "Pass") || strings.Contains(got, "65e5") {
					t.Errorf("%q, echoed as %q after %d characters, shows in %q", secret, echo, lead, got)
				}
			}
		}
	}
	if got := printable.NewRedactor("x").Replace("example"); got != "example" {
		t.Errorf("a password that says nothing was taken out: %q", got)
	}
}
