// Package bitcoin has what a miner needs of the Bitcoin protocol except hashing:
// addresses and the scripts that pay to them, coinbase transactions and the height
// in them. It reads bytes and text, and imports nothing of ours.
package bitcoin
