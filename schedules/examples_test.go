package schedules

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func example(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("examples", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestExampleCrontab(t *testing.T) {
	jobs := 0
	for line := range strings.Lines(example(t, "crontab")) {
		line = strings.TrimSpace(line)
		fields := strings.Fields(line)
		if line == "" || strings.HasPrefix(line, "#") || len(fields) == 1 && strings.Contains(line, "=") {
			continue
		}
		if len(fields) < 6 {
			t.Errorf("not a crontab line: %s", line)
			continue
		}
		jobs++
		if _, err := parseSpec(strings.Join(fields[:5], " "), ""); err != nil {
			t.Errorf("%s: %v", line, err)
		}
		command := strings.Join(fields[5:], " ")
		if !strings.Contains(command, "payrecon ") || strings.Contains(strings.ReplaceAll(command, `\%`, ""), "%") {
			t.Errorf("does not run payrecon, or holds a bare %%, which cron takes for a line break: %s", command)
		}
	}
	if jobs == 0 {
		t.Error("no jobs")
	}
}

// unitValues reads a systemd unit: the values of each key, by section.
func unitValues(t *testing.T, text string) map[string][]string {
	t.Helper()
	values, section := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]"):
			section = line[1 : len(line)-1]
		default:
			key, value, ok := strings.Cut(line, "=")
			if !ok || section == "" {
				t.Errorf("not a unit's line: %s", line)
			}
			values[section+"."+key] = append(values[section+"."+key], value)
		}
	}
	return values
}

func TestExampleUnits(t *testing.T) {
	timer := unitValues(t, example(t, "payrecon.timer"))
	if timer["Timer.Persistent"] == nil || timer["Timer.OnCalendar"] == nil || timer["Install.WantedBy"] == nil {
		t.Errorf("timer: %v", timer)
	}
	for _, name := range []string{"payrecon.service", "payrecon-schedule.service"} {
		unit := unitValues(t, example(t, name))
		for _, key := range []string{"LoadCredential", "DynamicUser", "StateDirectory", "ProtectSystem", "NoNewPrivileges", "SystemCallFilter", "CapabilityBoundingSet"} {
			if unit["Service."+key] == nil {
				t.Errorf("%s has no %s", name, key)
			}
		}
		if got := unit["Service.ExecStart"]; len(got) != 1 || !strings.HasPrefix(got[0], "/usr/local/bin/payrecon ") {
			t.Errorf("%s: ExecStart %q", name, got)
		}
		if unit["Service.Environment"] != nil {
			t.Errorf("%s: environment is shown to everybody: want credentials", name)
		}
	}
}

func TestExampleUnitsPassSystemd(t *testing.T) {
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not installed")
	}
	dir := t.TempDir()
	args := []string{"verify", "--man=no"}
	for _, name := range []string{"payrecon.service", "payrecon-schedule.service", "payrecon.timer"} {
		// The verification looks for the program, which is not installed here.
		text := strings.ReplaceAll(example(t, name), "/usr/local/bin/payrecon", "/bin/true")
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	if out, err := exec.CommandContext(t.Context(), tool, args...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestExampleCronJob(t *testing.T) {
	var kinds []string
	documents := yaml.NewDecoder(bytes.NewReader([]byte(example(t, "cronjob.yaml"))))
	for {
		var d struct {
			Kind string            `yaml:"kind"`
			Data map[string]string `yaml:"data"`
			Spec struct {
				Schedule          string `yaml:"schedule"`
				TimeZone          string `yaml:"timeZone"`
				ConcurrencyPolicy string `yaml:"concurrencyPolicy"`
			} `yaml:"spec"`
		}
		err := documents.Decode(&d)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, d.Kind)
		switch d.Kind {
		case "CronJob":
			if _, err := parseSpec(d.Spec.Schedule, d.Spec.TimeZone); err != nil || d.Spec.ConcurrencyPolicy != "Forbid" {
				t.Errorf("%+v: %v", d.Spec, err)
			}
		case "ConfigMap":
			var config map[string]any
			if err := yaml.Unmarshal([]byte(d.Data["payrecon.yaml"]), &config); err != nil || config["database"] == nil {
				t.Errorf("payrecon.yaml: %v, %v", config, err)
			}
		}
	}
	if want := []string{"ConfigMap", "PersistentVolumeClaim", "CronJob"}; !slices.Equal(kinds, want) {
		t.Errorf("documents %v, want %v", kinds, want)
	}
}
