package hashing

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// The generator library (avo) assigns the vector registers 16 to 31 once 0
// to 15 are taken, and chooses an instruction's encoding by its operands. Both
// may need CPU features that the kernel does not state, which neither avo nor the
// assembler nor vet reports. So these tests read the assembly as text, on any
// machine, and compare it with what archKernels states for amd64.

// TestAssemblyKeepsToItsNeeds checks every function in the generated files.
func TestAssemblyKeepsToItsNeeds(t *testing.T) {
	needs, kernels := statedNeeds(t), kernelsOfStubs(t)
	covered := map[string]bool{}
	for _, file := range glob(t, "*_amd64.s") {
		functions := assemblyFunctions(readText(t, file))
		if len(functions) == 0 {
			t.Errorf("%s has no function", file)
		}
		for _, f := range functions {
			features, known := needs[kernels[f.name]]
			if !known {
				t.Errorf("%s: %s belongs to no kernel of archKernels: do the stub's comment (X is the kernel NAME) and arch_amd64.go agree?", file, f.name)
				continue
			}
			covered[kernels[f.name]] = true
			if len(f.requires) == 0 {
				t.Errorf("%s: %s has no line \"// Requires:\", by which avo says what it uses", file, f.name)
			}
			if faults := f.faults(features); len(faults) > 0 {
				t.Errorf("%s: %s, which states that it needs %v, %s", file, f.name, features, strings.Join(faults, "; "))
			}
		}
	}
	for kernel := range needs {
		if !covered[kernel] {
			t.Errorf("kernel %s: no function in *_amd64.s was checked for it", kernel)
		}
	}
}

// TestNeedsCheckSeesFaults: the check rejects made-up functions with one fault each,
// and accepts the same text where the needs allow it.
func TestNeedsCheckSeesFaults(t *testing.T) {
	avx2, avx512 := []string{"SHA", "AVX2"}, []string{"SHA", "AVX512F", "AVX512VL"}
	for _, c := range []struct {
		line             string
		refused, allowed []string
	}{
		{"VPADDD X16, X1, X2", avx2, avx512},
		{"VPADDD (SI), Y17, Y2", avx2, avx512},
		{"VMOVDQU Y2, Y31", avx2, avx512},
		{"VPADDD Z3, Z1, Z2", avx2, avx512},
		{"KMOVW K1, AX", avx2, avx512},
		{"VPADDD.BCST (SI), Y1, Y2", avx2, avx512},
		{"VPADDD X16, X1, X2", []string{"AVX512F"}, avx512},
		{"VPADDD X1, X2, X3", []string{"SHA", "SSE4"}, avx2},
		{"// Requires: AVX2, AVX512VL", avx2, avx512},
		{"// Requires: SHA, SSE4.1, SSSE3", []string{"SSSE3", "SHA"}, []string{"SSE4", "SHA"}},
		{"// Requires: BMI2", avx512, []string{"BMI2"}},
	} {
		head, body := "", "\t"+c.line
		if strings.HasPrefix(c.line, "//") {
			head, body = c.line, "\tRET"
		}
		functions := assemblyFunctions(head + "\nTEXT ·made(SB), $0-16\n\tPXOR X15, X15 // not X16, Z1\n" + body + "\n")
		if len(functions) != 1 || functions[0].name != "made" {
			t.Fatalf("found functions %v", functions)
		}
		if len(functions[0].faults(c.refused)) == 0 {
			t.Errorf("%q passes for needs %v", c.line, c.refused)
		}
		if faults := functions[0].faults(c.allowed); len(faults) > 0 {
			t.Errorf("%q is refused for needs %v: %v", c.line, c.allowed, faults)
		}
	}
}

// asmFunction is an assembly function as text: its name, the instruction sets
// that avo found in it, and its lines without comments.
type asmFunction struct {
	name     string
	requires []string
	lines    []string
}

var textDirective = regexp.MustCompile(`^TEXT ·(\w+)\(SB\)`)

func assemblyFunctions(text string) (list []asmFunction) {
	var requires []string // of the function that follows
	for line := range strings.Lines(text) {
		if sets, ok := strings.CutPrefix(line, "// Requires:"); ok {
			requires = strings.Split(strings.ReplaceAll(strings.TrimSpace(sets), " ", ""), ",")
		}
		line, _, _ = strings.Cut(line, "//")
		if m := textDirective.FindStringSubmatch(line); m != nil {
			list = append(list, asmFunction{name: m[1], requires: requires})
			requires = nil
		} else if len(list) > 0 && strings.TrimSpace(line) != "" {
			last := &list[len(list)-1]
			last.lines = append(last.lines, strings.TrimSpace(line))
		}
	}
	return list
}

var (
	vectorRegister = regexp.MustCompile(`\b([XYZ])(\d+)\b`)
	maskRegister   = regexp.MustCompile(`\bK[0-7]\b`)
	evexSuffix     = regexp.MustCompile(`^V\w+\.\w`) // .BCST, .Z and the like
)

// faults returns what the function uses that a CPU with these features, and those
// they imply, may lack: each kind once, with its first line.
func (f asmFunction) faults(features []string) []string {
	has := implied(features)
	var faults []string
	seen := map[string]bool{}
	wants := func(feature, what, line string) {
		if !has[feature] && !seen[what] {
			seen[what] = true
			faults = append(faults, fmt.Sprintf("uses %s, which need %s: %q", what, feature, line))
		}
	}
	for _, set := range f.requires {
		wants(set, "instructions", "Requires: "+set)
	}
	for _, line := range f.lines {
		if strings.HasPrefix(line, "V") {
			wants("AVX", "VEX instructions", line)
		}
		if evexSuffix.MatchString(line) {
			wants("AVX512F", "EVEX suffixes", line)
		}
		if maskRegister.MatchString(line) {
			wants("AVX512F", "mask registers", line)
		}
		for _, m := range vectorRegister.FindAllStringSubmatch(line, -1) {
			if number, _ := strconv.Atoi(m[2]); m[1] == "Z" {
				wants("AVX512F", "registers of 512 bits", line)
			} else if number > 15 {
				wants("AVX512VL", "vector registers 16 to 31", line)
			}
		}
	}
	return faults
}

// implied lists features, by avo's names, with those that they imply. Every amd64
// CPU has the first three.
func implied(features []string) map[string]bool {
	implies := map[string][]string{
		"AVX512VL": {"AVX512F"}, "AVX512BW": {"AVX512F"}, "AVX512F": {"AVX2"}, "AVX2": {"AVX"}, "AVX": {"SSE4.2"},
		"SSE4.2": {"SSE4.1"}, "SSE4": {"SSE4.1"}, "SSE4.1": {"SSSE3"}, "SSSE3": {"SSE3"}, // SSE4 is cpuid's SSE4.1
	}
	has := map[string]bool{"CMOV": true, "SSE": true, "SSE2": true}
	for todo := slices.Clone(features); len(todo) > 0; todo = todo[1:] {
		has[todo[0]] = true
		todo = append(todo, implies[todo[0]]...)
	}
	return has
}

// statedNeeds returns the features that each amd64 kernel states, as archKernels
// names them: the constants of cpuid in the call that has the kernel's name
// first.
func statedNeeds(t *testing.T) map[string][]string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "arch_amd64.go", nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	needs := map[string][]string{}
	ast.Inspect(file, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok && len(call.Args) > 0 {
			if name, ok := call.Args[0].(*ast.BasicLit); ok && name.Kind == token.STRING {
				kernel, _ := strconv.Unquote(name.Value)
				needs[kernel] = cpuidConstants(call)
			}
		}
		f, isFunction := n.(*ast.FuncDecl)
		return !isFunction || f.Name.Name == "archKernels"
	})
	if len(needs) == 0 {
		t.Fatal("no kernel found in archKernels")
	}
	return needs
}

func cpuidConstants(call *ast.CallExpr) (names []string) {
	for _, argument := range call.Args {
		if selector, ok := argument.(*ast.SelectorExpr); ok && fmt.Sprint(selector.X) == "cpuid" {
			names = append(names, selector.Sel.Name)
		}
	}
	return names
}

// kernelsOfStubs returns the kernel of each assembly function, from the comments of
// the generated stubs.
func kernelsOfStubs(t *testing.T) map[string]string {
	t.Helper()
	kernels := map[string]string{}
	says := regexp.MustCompile(`(?m)^// (\w+) is the kernel ([\w-]+)`)
	for _, file := range glob(t, "*_stub_amd64.go") {
		for _, m := range says.FindAllStringSubmatch(readText(t, file), -1) {
			kernels[m[1]] = m[2]
		}
	}
	return kernels
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: %d files, %v", pattern, len(files), err)
	}
	return files
}

func readText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
