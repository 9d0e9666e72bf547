package telemetry

import (
	"encoding/json"
	"math"
	"testing"
	"time"
)

func TestFormats(t *testing.T) {
	number := func(f func(float64) string, rows map[float64]string) {
		t.Helper()
		for in, want := range rows {
			if got := f(in); got != want {
				t.Errorf("format of %v = %q, want %q", in, got, want)
			}
		}
	}
	number(FormatRate, map[float64]string{
		0: "0 H/s", -1: "0 H/s", 512: "512 H/s", 0.5: "0.5 H/s", 51.32e6: "51.32 MH/s", 999.994e3: "999.99 kH/s",
		999.999e3: "1.00 MH/s", 1.2e9: "1.20 GH/s", 1e26: "100000.00 ZH/s",
	})
	number(FormatDifficulty, map[float64]string{
		0: "0", 1: "1", 1250: "1.25k", 0.00031: "0.00031", 0.000122070: "0.000122", 16.5: "16.5", 65536: "65.54k",
		999.999: "1k", 0.99999: "1", 0.5: "0.5", 126271255279307.0: "126.27T", 1e-12: "1e-12", math.Inf(1): "+InfZ",
		0.0009996: "0.001",
	})
	number(FormatBytes, map[float64]string{0: "0 B", 512: "512 B", 24.5 * (1 << 20): "24.5 MiB", 1<<30 - 1: "1 GiB"})
	number(FormatHertz, map[float64]string{3.594e9: "3.59 GHz", 0: "0 Hz"})
	number(FormatCelsius, map[float64]string{63.6: "64°C"})
	number(FormatSeconds, map[float64]string{
		0: "0s", -3: "0s", 0.0001: "<1ms", 0.85: "850ms", 0.9999: "1.0s", 7.31: "7.3s", 9.97: "10s", 42: "42s", 59.7: "1m00s",
		185: "3m05s", 3599.8: "1h00m", 3720: "1h02m", 86399: "1d00h", 4*86400 + 6*3600: "4d06h",
		312 * 365.25 * 86400: "312y", 1e30: "over a million years",
	})
	if got := FormatSeconds(math.NaN()); got != "0s" {
		t.Errorf("NaN seconds = %q", got)
	}
	if got := FormatDuration(62 * time.Minute); got != "1h02m" {
		t.Errorf("62 minutes = %q", got)
	}
	if got := FormatCount(999) + " " + FormatCount(1_250_000_000); got != "999 1.25G" {
		t.Errorf("counts = %q", got)
	}
}

func TestReadingIsNeverAFalseZero(t *testing.T) {
	type pair struct {
		R Reading `json:"r"`
		T Text    `json:"t"`
	}
	for _, row := range []struct {
		in         pair
		json, text string
	}{
		{pair{Known(0), "x"}, `{"r":0,"t":"x"}`, "0 x"},
		{pair{Known(64.5), "AMD EPYC"}, `{"r":64.5,"t":"AMD EPYC"}`, "64.5 AMD EPYC"},
		{pair{}, `{"r":null,"t":null}`, "unavailable unavailable"},
		{pair{Known(math.NaN()), ""}, `{"r":null,"t":null}`, "unavailable unavailable"},
		{pair{Reading{Value: math.Inf(1), OK: true}, ""}, `{"r":null,"t":null}`, "+Inf unavailable"},
	} {
		b, err := json.Marshal(row.in)
		if err != nil || string(b) != row.json {
			t.Errorf("%+v marshals to %s, %v; want %s", row.in, b, err, row.json)
		}
		if got := row.in.R.String() + " " + row.in.T.String(); got != row.text {
			t.Errorf("%+v reads %q, want %q", row.in, got, row.text)
		}
		var back pair
		if err := json.Unmarshal(b, &back); err != nil {
			t.Error(err)
		}
		if again, _ := json.Marshal(back); string(again) != row.json {
			t.Errorf("%s comes back as %s", row.json, again)
		}
	}
	if got := Known(64).Format(FormatCelsius) + " " + (Reading{}).Format(FormatCelsius); got != "64°C unavailable" {
		t.Errorf("formatted readings: %q", got)
	}
	var r Reading
	if err := json.Unmarshal([]byte(`"hot"`), &r); err == nil {
		t.Error(`"hot" was read as a number`)
	}
}
