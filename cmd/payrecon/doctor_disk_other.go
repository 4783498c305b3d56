//go:build !linux && !darwin

package main

func diskOf(string) (disk, error) { return disk{unknown: true}, nil }
