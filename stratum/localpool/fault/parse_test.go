package fault

import (
	"strings"
	"testing"

	"quarry/stratum/localpool"
)

func TestNew(t *testing.T) {
	for asked, want := range map[string]string{
		"reject=10%": "reject=10%", " Reject = 10% ": "reject=10%", "no-verdict": "no-verdict=100%", "refuse-user": "refuse-user",
		"refuse-user=a,refuse-user=b": "refuse-user=a refuse-user=b", "hang-up=5 shares": "hang-up=5 shares", "hang-up=1share": "hang-up=1share",
		"silent=0s": "silent=0s", "delay=1d": "", "delay=100ms-2s,no-job": "delay=100ms-2s no-job", "last-job=1d": "last-job=1d",
		"silent=10s,hang-up=20s": "silent=10s hang-up=20s", "silent=5shares,hang-up=20s": "silent=5shares hang-up=20s",
		"reject=5%,no-verdict=50%": "reject=5% no-verdict=50%", "refuse=mining.configure": "refuse=mining.configure",
	} {
		p, err := New([]string{asked}, 0)
		if want == "" {
			if err == nil {
				t.Errorf("%s: accepted", asked)
			}
			continue
		}
		if err != nil || strings.Join(p.Settings(), " ") != want {
			t.Errorf("%s: %v, %v", asked, p.Settings(), err)
		}
	}
}

// Each mistake has one error, with what is right.
func TestMistakes(t *testing.T) {
	for asked, want := range map[string]string{
		"":                               "without a name",
		"reject=10%,,":                   "without a name",
		"rejct=10%":                      "did you mean reject?",
		"hangup=3s":                      "did you mean hang-up?",
		"old_block":                      "did you mean old-block?",
		"explode":                        "there are reject, no-verdict",
		"reject":                         "needs a value: give a percentage",
		"reject=":                        "needs a value",
		"reject=10":                      "did you mean 10%?",
		"reject=0%":                      "above 0%",
		"reject=101%":                    "up to 100%",
		"reject=NaN%":                    "above 0%",
		"reject=-1%":                     "above 0%",
		"reject=10%:stail":               "there are other, stale",
		"reject=10%:stal":                "did you mean stale? there are",
		"reject=10%:x":                   "no reason \"x\"; there are",
		"slow-lines=11m":                 "1ms to 10m",
		"no-job=3":                       "takes no value",
		"delay=1ns":                      "1ms to 10m",
		"delay=11m":                      "1ms to 10m",
		"delay=2s-1s":                    "ends before it begins",
		"delay=2s-":                      "1ms to 10m",
		"delay=30":                       "did you mean 30s?",
		"hang-up=30":                     "did you mean 30s or 30shares?",
		"hang-up=0shares":                "1 to 1000000 shares",
		"hang-up=shares":                 "1 to 1000000 shares",
		"hang-up=2000000share":           "1 to 1000000 shares",
		"hang-up=-1s":                    "a time up to 24h",
		"silent=25h":                     "a time up to 24h",
		"difficulty=0s":                  "10ms to 24h",
		"difficulty=0.01":                "10ms to 24h",
		"refuse=submit":                  "give one of configure",
		"ignore=configur":                "did you mean configure?",
		"refuse-user=":                   "needs a value",
		"reject=1%,reject=2%":            "given twice",
		"refuse-user=a,refuse-user=a":    "given twice",
		"old-block,old-jobs":             "exclude each other",
		"difficulty,no-difficulty":       "exclude each other",
		"no-resume,forget-jobs":          "exclude each other",
		"refuse=ping,ignore=ping":        "exclude each other",
		"no-job,reject=1%":               "reject=1% has no effect with no-job",
		"old-jobs,refuse-user":           "no user is let in",
		"no-verdict,reject=1%":           "no share is answered",
		"hang-up=5s,silent=5s":           "is cut before",
		"hang-up=5shares,silent=7shares": "is cut before",
	} {
		if _, err := New([]string{asked}, 0); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v, want %q", asked, err, want)
		}
	}
}

func TestApplyRefuses(t *testing.T) {
	sockets := localpool.Config{Listen: []localpool.Listener{{Transport: localpool.TCP}, {Transport: localpool.WS}}}
	for fault, cfg := range map[string]localpool.Config{"slow-lines": sockets, "version-mask": {NoVersionRolling: true}} {
		p, err := New([]string{fault}, 0)
		if err != nil {
			t.Fatal(err)
		}
		if p.Apply(&cfg) == nil {
			t.Errorf("%s was applied", fault)
		}
	}
}

// Help fits a terminal of 80 columns, behind the indent of descriptions, and
// names every fault.
func TestHelp(t *testing.T) {
	text := Help()
	for l := range strings.Lines(text) {
		if len(strings.TrimSuffix(l, "\n")) > 77 {
			t.Errorf("%d columns: %s", len(l), l)
		}
	}
	for _, k := range kinds() {
		if !strings.Contains(text, "\n  "+k.name) && !strings.HasPrefix(text, "  "+k.name) {
			t.Errorf("%s is missing", k.name)
		}
	}
}

func FuzzNew(f *testing.F) {
	for _, k := range kinds() {
		f.Add(k.name + "=" + k.standard)
	}
	f.Add("hang-up=5shares,reject=10%:stale,delay=1s-2s")
	f.Fuzz(func(t *testing.T, asked string) {
		p, err := New([]string{asked}, 1)
		if err != nil {
			return
		}
		again, err := New(p.Settings(), 1)
		if err != nil || strings.Join(again.Settings(), ",") != strings.Join(p.Settings(), ",") {
			t.Errorf("%q became %v, and that %v, %v", asked, p.Settings(), again, err)
		}
	})
}
