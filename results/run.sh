#!/usr/bin/env bash
# Every number under results/, from data to tables. Needs TFPOSE_DATA; about an hour on 2 cores. A run that was
# stopped goes on where it stopped; delete runs/ to start anew.
set -euo pipefail
tfpose="${VENV:-.venv}/bin/tfpose"

# The default on CMU alone, measured on rigs and people that it never saw.
"$tfpose" pretrain --config default --data cmu --workdir runs/default_cmu
for data in h36m nucla cmu; do
  "$tfpose" evaluate denoise --model runs/default_cmu --data "$data" --out "results/default_cmu_on_$data.json"
done

# APE's protocol on Human3.6M, both configurations.
for config in default paper; do
  "$tfpose" pretrain --config "$config" --data h36m_ape --workdir "runs/${config}_h36m_ape"
done
"$tfpose" evaluate denoise --model runs/default_h36m_ape --data h36m_ape --out results/default_h36m_ape.json
"$tfpose" evaluate denoise --model runs/paper_h36m_ape --data h36m_ape --views so3 --out results/paper_h36m_ape.json

# The optimiser of the paper's text, as long as its configuration here, to show why that one uses Adam.
"$tfpose" pretrain --config paper --data h36m_ape --workdir runs/paper_sgd_h36m_ape \
  --config.optimizer.name=sgd --config.optimizer.learning_rate=0.0032
"$tfpose" evaluate denoise --model runs/paper_sgd_h36m_ape --data h36m_ape --views so3 --out results/paper_sgd_h36m_ape.json
