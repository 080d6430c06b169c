#!/usr/bin/env bash
# Every number and figure under results/, from data to tables; needs TFPOSE_DATA. SHORTEN=20 goes the same way with 1/20
# of the training steps and a single seed, into results-quick/. A training that was stopped goes on where it stopped, and
# what is newer than its model is not measured again; delete runs/ (runs-quick/) to start anew. On 2 cores with nothing
# beside it all of it is about four hours, as its parts add up: the longest are the lifters, Table 1 (12 trainings) and
# Tables 2 and 3 (51 classifiers). With SHORTEN=20 it is under an hour.
set -euo pipefail
bin="${VENV:-.venv}/bin"
shorten="${SHORTEN:-1}"
suffix=$([ "$shorten" = 1 ] || echo -quick)
runs="runs$suffix" results="results$suffix"
three=0,1,2 five=0,1,2,3,4
[ "$shorten" = 1 ] || three=0 five=0

# Trains runs/NAME.
pretrain() { # NAME CONFIG DATA [flags]
  "$bin/tfpose" pretrain --workdir "$runs/$1" --config "$2" --data "$3" --shorten "$shorten" "${@:4}"
}

# Makes a preset of a training, as what people get is what must be measured.
preset() { # NAME RUN
  local out="tfpose/presets/$1"
  [ "$shorten" = 1 ] || out="$runs/$1"
  if [ ! "$out/weights.npz" -nt "$runs/$2/model.keras" ]; then
    rm -rf "$out"
    "$bin/tfpose" preset --model "$runs/$2" --out "$out"
  fi
}

# Measures a run or a preset into results/RESULT.json.
evaluate() { # EVALUATOR MODEL DATA RESULT [flags]
  local out="$results/$4.json" model="$runs/$2" file
  [ -d "$model" ] || model="tfpose/presets/$2"
  for file in "$model/model.keras" "$model/weights.npz"; do
    if [ -e "$file" ] && [ ! "$out" -nt "$file" ]; then
      "$bin/tfpose" evaluate "$1" --model "$model" --data "$3" --out "$out" "${@:5}"
    fi
  done
}

# The presets: trained on CMU alone, measured on people and rigs that they never saw.
pretrain default_cmu default cmu
preset sebirenet_cmu default_cmu
pretrain paper_cmu paper cmu
preset sebirenet_cmu_paper paper_cmu
for model in sebirenet_cmu sebirenet_cmu_paper; do
  for data in cmu h36m nucla; do
    evaluate denoise $model $data "denoising/${model}_on_$data" --seeds $three
  done
done

# Clips: a model of time on the first preset, also at other frame rates and on recordings of sensors.
"$bin/tfpose" pretrain-clips --workdir "$runs/clips_cmu" --data cmu --shorten "$shorten"
preset sebirenet_cmu_clips clips_cmu
for data in cmu h36m; do
  evaluate clips sebirenet_cmu_clips $data "clips/sebirenet_cmu_clips_on_$data"
done
for rate in 15 60; do
  evaluate clips sebirenet_cmu_clips cmu "clips/sebirenet_cmu_clips_on_cmu_${rate}_hz" --frame_rate $rate
done
evaluate clips sebirenet_cmu_clips h36m clips/sebirenet_cmu_clips_on_h36m_10_hz --frame_rate 10
evaluate look_ahead sebirenet_cmu_clips h36m look_ahead
for data in nucla ntu; do
  evaluate recordings sebirenet_cmu_clips $data "recordings/sebirenet_cmu_clips_on_$data"
done
evaluate recognise_cleaned sebirenet_cmu_clips nucla cleaned_actions/sebirenet_cmu_clips_on_nucla
for network in sebirenet convolutions; do
  "$bin/tfpose" pretrain-clips --config "reproduction/configs/clips_networks.py:$network" --data cmu \
    --workdir "$runs/networks_$network" --shorten "$shorten"
  evaluate clips "networks_$network" h36m "networks/$network"
done
evaluate round_trip sebirenet_cmu_clips cmu formats/bvh_round_trip
"$bin/python" benchmarks/clips.py --out "$results/clips_speed.json"

# APE's protocol on Human3.6M: the best, and the paper's full model with twice the steps of Table 1.
pretrain same_rig_h36m_ape same_rig h36m_ape
pretrain paper_h36m_ape paper h36m_ape --config.steps=20000
for run in same_rig_h36m_ape paper_h36m_ape; do
  evaluate denoise $run h36m_ape denoising/$run --seeds $three
done

# View transfer and retrieval of the same moment.
for model in sebirenet_cmu sebirenet_cmu_paper; do
  evaluate swap $model h36m "swap/${model}_on_h36m" --seeds $three
  for data in ntu h36m; do
    evaluate retrieval $model $data "retrieval/${model}_on_$data" --seeds $three
  done
done
evaluate swap same_rig_h36m_ape h36m_ape swap/same_rig_h36m_ape --seeds $three

# Faults of sensors one by one.
for data in h36m cmu; do
  evaluate faults sebirenet_cmu $data "faults/sebirenet_cmu_on_$data" --seeds $three
done

# From the free view code to the default, step by step; and the default on 7 of the people, and with other sizes.
frame() { # ROW CONFIG DATA [flags]
  pretrain "frame_$1" "$2" "$3" "${@:4}"
  for evaluator in denoise retrieval faults swap; do
    evaluate $evaluator "frame_$1" h36m "frame/$1_$evaluator" --seeds $three
  done
}
for row in free frame independent sides; do
  frame $row "reproduction/configs/frame.py:$row" cmu
done
frame eight_people default cmu_8 --config.steps=8000
frame one_refinement default cmu --config.steps=8000 --config.model.refinements=1
frame units_64 default cmu --config.steps=8000 --config.model.units=64 --config.model.decoder_units=64

# Table 2: N-UCLA, transfer (CMU alone) and in-domain (views 1 and 2 too, without labels).
pretrain default_cmu_nucla default cmu+nucla --config.steps=6000
evaluate recognise sebirenet_cmu nucla recognition/transfer --seeds $five
evaluate recognise default_cmu_nucla nucla recognition/in_domain --features code --seeds $five
for evaluator in linear knn; do
  evaluate $evaluator sebirenet_cmu nucla "recognition/transfer_$evaluator"
done

# What the classifier gains from each kind of motion, on the views that settings are chosen on.
for fold in v1_v2 v2_v1; do
  for motion in height speed tilt turn; do
    evaluate recognise sebirenet_cmu nucla_$fold "motion/${fold}_$motion" --features code --motion=$motion --seeds $three
  done
  evaluate recognise sebirenet_cmu nucla_$fold "motion/${fold}_none" --features code --motion= --seeds $three
  evaluate recognise sebirenet_cmu nucla_$fold "motion/${fold}_all" --features code --seeds $three
done

# Table 3: N-UCLA, the parts of the paper's pretraining.
evaluate recognise sebirenet_cmu_paper nucla ablation/full --features code --seeds $three
evaluate recognise sebirenet_cmu_paper nucla ablation/relative --features relative --seeds $three
for part in raw decomposition orthogonality feature rotated; do
  pretrain "ablation_$part" "reproduction/configs/ablation.py:$part" cmu
  evaluate recognise "ablation_$part" nucla "ablation/$part" --features code --seeds $three
done

# Table 1: APE's protocol on Human3.6M, two trainings of each structure.
for seed in 0 1; do
  for structure in recursive diffuse concatenated sebirenet recurrent full; do
    pretrain "structures_${structure}_$seed" "reproduction/configs/structures.py:$structure" h36m_ape --config.seed=$seed
    evaluate denoise "structures_${structure}_$seed" h36m_ape "structures/${structure}_$seed"
  done
done
"$bin/python" -m reproduction structures --out "$results/structures/cost.json"

# Table 4: Human3.6M from 2D, projected and detected; residual MLPs learn beside it.
for detections in gt hourglass; do
  if [ ! "$results/lifting/$detections.json" -nt "$runs/lift_$detections/model.keras" ]; then
    "$bin/tfpose" lift --config lift --detections $detections --workdir "$runs/lift_$detections" \
      --stream3d "$runs/lift_stream3d" --shorten "$shorten" --out "$results/lifting/$detections.json"
  fi
done
evaluate estimates lift_hourglass h36m_hourglass estimates/lifter_hourglass
evaluate estimates lift_hourglass/mlp_equal h36m_hourglass estimates/mlp_hourglass
"$bin/tfpose" pretrain-clips --config estimates --data h36m_hourglass --lifter "$runs/lift_hourglass" \
  --workdir "$runs/estimates" --shorten "$shorten"
evaluate estimates lift_hourglass h36m_hourglass estimates/lifter_hourglass_trained --cleaner "$runs/estimates"

# Figures, complexity, and the tables of all.
preset_model=$([ "$shorten" = 1 ] && echo sebirenet_cmu || echo "$runs/sebirenet_cmu")
"$bin/python" -m reproduction figures --model "$preset_model" --out "$results/figures"
"$bin/python" -m reproduction complexity --config paper --out "$results/complexity.json"
"$bin/python" benchmarks/litert_files.py --model "$preset_model" --out "$results/export.json"
quick=$([ "$shorten" = 1 ] || echo --quick)
"$bin/python" benchmarks/speed.py $quick --out "$results/speed.json"
"$bin/python" benchmarks/stages.py --out "$results/stages.json"
"$bin/python" benchmarks/growth.py $quick --out "$results/growth.json"
"$bin/python" benchmarks/batching.py --model "$preset_model" --out "$results/batching.json"
"$bin/python" -m reproduction tables "$results"
