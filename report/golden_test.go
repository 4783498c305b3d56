package report

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
)

var update = flag.Bool("update", false, "rewrite golden files and samples")

// compare compares with a golden file, or writes it.
func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs from what was made now; look at the difference, and if it is meant: go test -update\ngot  %.2000s\nwant %.2000s", path, firstDifference(got, want), firstDifference(want, got))
	}
}

// firstDifference returns a from the line in which it differs from b.
func firstDifference(a, b []byte) []byte {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	for i > 0 && a[i-1] != '\n' {
		i--
	}
	return a[i:min(len(a), i+600)]
}

// TestSamples keeps the JSON samples equal to what the generator makes.
func TestSamples(t *testing.T) {
	for name, s := range scenarios {
		got, err := json.MarshalIndent(generate(s), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		compare(t, filepath.Join("testdata", "samples", name+".json"), append(got, '\n'))
	}
}
