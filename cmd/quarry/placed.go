package main

import (
	"fmt"
	"slices"
	"strings"

	"go.uber.org/zap/zapcore"

	"quarry/affinity"
	"quarry/config"
)

// placed are the workers' places: text for people, and in JSON the CPU of each
// worker, -1 if it is not pinned.
type placed []affinity.Placement

// String is the workers' CPUs, "0-3", and how many have none, and why.
func (p placed) String() string { return placementText(p) }

// MarshalLogArray implements [zapcore.ArrayMarshaler].
func (p placed) MarshalLogArray(list zapcore.ArrayEncoder) error {
	for _, place := range p {
		cpu := -1
		if place.Pinned {
			cpu = place.CPU
		}
		list.AppendInt(cpu)
	}
	return nil
}

// placementText is the workers' CPUs, "0-3", and how many have none, and why.
func placementText(placements []affinity.Placement) string {
	var cpus config.CPUList
	free, why := 0, ""
	for _, p := range placements {
		if p.Pinned {
			cpus = append(cpus, p.CPU)
		} else {
			free, why = free+1, p.Reason
		}
	}
	slices.Sort(cpus)
	var parts []string
	if len(cpus) > 0 {
		parts = append(parts, slices.Compact(cpus).String())
	}
	if free > 0 {
		parts = append(parts, fmt.Sprintf("%d not pinned (%s)", free, why))
	}
	return strings.Join(parts, ", and ")
}
