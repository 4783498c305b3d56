package xlsx

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"payrecon/report"
)

// TestKeep writes the sample workbooks where PAYRECON_KEEP says, to be looked at.
func TestKeep(t *testing.T) {
	dir := os.Getenv("PAYRECON_KEEP")
	if dir == "" {
		t.Skip("PAYRECON_KEEP is not set")
	}
	for _, name := range samples {
		s := load(t, name)
		if err := Write(context.Background(), filepath.Join(dir, name+".xlsx"), build(t, s, report.Options{}), Options{}); err != nil {
			t.Fatal(err)
		}
		s.Rec = nil
		if err := Write(context.Background(), filepath.Join(dir, name+"-mirror.xlsx"), build(t, s, report.Options{}), Options{}); err != nil {
			t.Fatal(err)
		}
	}
}
