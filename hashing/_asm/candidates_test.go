package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"quarry/hashing/asm/order"
)

// TestOrders: of every function exactly one form is generated, and all forms can be.
func TestOrders(t *testing.T) {
	type key struct {
		kernel string
		rolled bool
	}
	used := map[key]int{}
	for _, o := range order.Table() {
		if formed()[o.Kernel] == nil {
			t.Errorf("%+v: that kernel has no forms", o)
		}
		if err := o.Form.Check(); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
		if _, err := time.Parse(time.DateOnly, o.Date); err != nil || o.Family == "" || o.Cycles <= 0 {
			t.Errorf("%+v: want a family, a figure and a date", o)
		}
		if o.Used {
			used[key{o.Kernel, o.Rolled}]++
		}
	}
	for kernel := range formed() {
		for _, rolled := range []bool{false, true} {
			if n := used[key{kernel, rolled}]; n != 1 {
				t.Errorf("%s, rolled %t: %d orders are used, want one", kernel, rolled, n)
			}
		}
	}
}

func TestFormsThatAreNone(t *testing.T) {
	good := order.Form{Beat: "LrvvvLvvr", Early2: 14}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []order.Form{
		{Beat: "", Early2: 14}, {Beat: "vLr", Early2: 14}, {Beat: "Lrr", Early2: 14}, {Beat: "LrLv", Early2: 14}, {Beat: "Lr x", Early2: 14},
		{Beat: "Lrv", Early2: 2}, {Beat: "Lrv", Early2: 13}, {Beat: "Lrv", Early2: 18},
	} {
		if err := bad.Check(); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

func TestReadCandidates(t *testing.T) {
	file := filepath.Join(t.TempDir(), "forms.json")
	for text, want := range map[string]string{
		`{"kernel":"shani-avx512","rolled":true,"forms":[{"beat":"Lrv","early2":14},{"beat":"Lvr","early2":12}]}`: "",
		`{"kernel":"avx2","forms":[{"beat":"Lrv","early2":14}]}`:                                                  "no forms",
		`{"kernel":"shani-avx512","forms":[{"beat":"Lrv","early2":14},{"beat":"v","early2":14}]}`:                 "form 1: beat",
		`[]`: "unmarshal",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		functions, err := readCandidates(file)
		switch {
		case want == "" && (err != nil || len(functions) != 2):
			t.Errorf("%s: %d functions, %v", text, len(functions), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	if _, err := readCandidates(file + "x"); err == nil {
		t.Error("a file that is not there is read")
	}
}
