package hashing

import (
	"slices"
	"testing"
)

// The winners of one header: all nonces, with the version's index, whose top
// word is at most winnersLimit. They were found with crypto/sha256 alone, in
// the order of a search over winnersHashes from winnersStart on.
const (
	winnersLimit  = 0x00000fff
	winnersStart  = 0xffc00000 // the search goes past the last nonce
	winnersHashes = 12_000_000
)

func winnersHeader() (h Header) {
	for i := range h {
		h[i] = byte(7*i + 3)
	}
	return h
}

// winners are the hits under the first 1 or 4 of the rolled versions.
func winners(versions int) []Hit {
	if versions == 1 {
		return []Hit{
			{0xffcb37bd, 0}, {0xffd490de, 0}, {0xffe3867c, 0}, {0xfffc0d42, 0}, {0x0014af33, 0}, {0x00230671, 0},
			{0x002b21a0, 0}, {0x0034fb89, 0}, {0x004a674b, 0}, {0x004afeb2, 0}, {0x006f4a22, 0},
		}
	}
	return []Hit{
		{0xffc064ac, 1}, {0xffc0b52d, 1}, {0xffc35c1e, 1}, {0xffcb37bd, 0}, {0xffd490de, 0}, {0xffd83aaa, 2},
		{0xffda58a1, 2}, {0xffde0b72, 3}, {0xffdf38d6, 1}, {0xffe0de2f, 2}, {0xffe3867c, 0}, {0xffedaa59, 2},
	}
}

// TestKernelFindsPlantedWinners searches millions of nonces and wants the
// known winners and nothing else.
func TestKernelFindsPlantedWinners(t *testing.T) {
	everyKernel(t, func(t *testing.T, k Kernel) {
		hashes := uint32(winnersHashes)
		switch {
		case testing.Short():
			hashes = 1_000_000 // the first winner is at 735_165
		case k.Name == "generic" || k.Name == "stdlib":
			hashes = 2_000_000 // slow
		}
		header := winnersHeader()
		for _, versions := range []int{1, 4} {
			p := new(Prehash)
			p.Set(&header, rolled(versions), winnersLimit)
			count := hashes / uint32(versions)
			var found []Hit
			err := scanAll(k, p, winnersStart, count, make([]Hit, MinHits), func(h Hit) error {
				found = append(found, h)
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			want := slices.DeleteFunc(winners(versions), func(h Hit) bool { return h.Nonce-winnersStart >= count })
			if len(want) == 0 {
				t.Fatal("no winner in the range: the test would prove nothing")
			}
			slices.SortFunc(found, func(a, b Hit) int { return int(a.Nonce-winnersStart) - int(b.Nonce-winnersStart) })
			if !slices.Equal(found, want) {
				t.Errorf("%d versions: found %x, want %x", versions, found, want)
			}
		}
	})
}
