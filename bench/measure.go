//go:build ignore

// Measure runs a command and appends one line to a file: wall and processor milliseconds (user + system, both cores
// together) and the peak of resident memory in KiB. Its exit code is the command's.
//
//	measure FILE COMMAND [ARGUMENTS]
package main

import (
	"errors"
	"fmt"
	"log"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal("usage: measure FILE COMMAND [ARGUMENTS]")
	}
	cmd := exec.Command(os.Args[2], os.Args[3:]...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if exit := new(exec.ExitError); err != nil && !errors.As(err, &exit) {
		log.Fatal(err)
	}
	s := cmd.ProcessState
	peak := s.SysUsage().(*syscall.Rusage).Maxrss
	if runtime.GOOS == "darwin" {
		peak /= 1024 // bytes there, KiB elsewhere
	}
	f, err := os.OpenFile(os.Args[1], os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		log.Fatal(err)
	}
	_, err = fmt.Fprintln(f, wall.Milliseconds(), (s.UserTime() + s.SystemTime()).Milliseconds(), peak)
	if err := errors.Join(err, f.Close()); err != nil {
		log.Fatal(err)
	}
	os.Exit(s.ExitCode())
}
