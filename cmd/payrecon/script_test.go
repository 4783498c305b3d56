package main

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// The scripts in testdata/script drive the real program, as subprocesses, the way a person or cron would.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"payrecon": main})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setDays,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"sandbox": startSandbox,
			"exits":   exits,
		},
	})
}

// setDays gives scripts days to speak of: $D1 is yesterday (UTC), $D10 ten days ago.
func setDays(env *testscript.Env) error {
	for _, ago := range []int{0, 1, 2, 5, 10, 20, 35, 44, 60} {
		env.Setenv("D"+strconv.Itoa(ago), time.Now().UTC().AddDate(0, 0, -ago).Format(time.DateOnly))
	}
	return nil
}

// startSandbox starts `payrecon sandbox` on a free port with the arguments given, waits until it listens, and puts its
// address and token into the environment. It ends with the script.
func startSandbox(ts *testscript.TestScript, _ bool, args []string) {
	cmd := exec.Command("payrecon", append([]string{"sandbox", "--addr", "127.0.0.1:0"}, args...)...)
	cmd.Path, cmd.Err = lookPath(ts.Getenv("PATH"), "payrecon")
	cmd.Dir = ts.MkAbs(".")
	cmd.Env = []string{"PATH=" + ts.Getenv("PATH"), "HOME=" + ts.Getenv("HOME")}
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line := make(chan string, 1)
	go func() {
		text, _ := bufio.NewReader(out).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case url := <-line:
		if url == "" {
			ts.Fatalf("the sandbox did not start")
		}
		ts.Setenv("PAYRECON_API_URL", url)
		ts.Setenv("PAYRECON_API_TOKEN", "sandbox-token")
	case <-time.After(20 * time.Second):
		ts.Fatalf("the sandbox did not say where it listens")
	}
}

func lookPath(path, name string) (string, error) {
	for _, dir := range strings.Split(path, string(os.PathListSeparator)) {
		if info, err := os.Stat(dir + "/" + name); err == nil && info.Mode()&0o111 != 0 {
			return dir + "/" + name, nil
		}
	}
	return name, exec.ErrNotFound
}

// exits runs payrecon and checks its exit code: exits 2 sync --from tomorrow. Its output can be checked with stdout and
// stderr, and it must hold neither a stack trace nor a Go type's name.
func exits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE ARGUMENTS...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec("payrecon", args[1:]...)
	got := 0
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("%v", err)
	}
	if got != want {
		ts.Fatalf("payrecon %s: exit %d, want %d", strings.Join(args[1:], " "), got, want)
	}
	for _, trace := range []string{"goroutine ", "panic:", "runtime error", "*errors."} {
		if text := ts.ReadFile("stderr"); strings.Contains(text, trace) {
			ts.Fatalf("stderr holds %q:\n%s", trace, text)
		}
	}
}
