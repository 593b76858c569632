// SPDX-License-Identifier: Apache-2.0
// What the CUDA engine does not take, said before anything is queued.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <string>

#include "kernels/backend.hpp"
#include "kernels/check.cuh"
#include "kernels/rounding.hpp"
#include "steepest/error.hpp"

namespace steepest::kernels {

/// Throws OptionError where the steps of an engine, or of a GPU, cannot round their operands.
inline void require_tensor_cores(Precision precision, Engine engine, int ordinal) {
  constexpr int first_major = 8;
  const std::string asked = "--precision " + std::string(name(precision));
  if (steps_in_blocks(engine)) {
    throw OptionError("--engine " + std::string(name(engine)) + " has no tensor cores for " +
                      asked + ": use --engine products, or --precision fp32");
  }
  int major = 0;
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, ordinal),
        "asking for its properties");
  if (major < first_major) {
    throw OptionError(asked + " needs a GPU of compute capability 8.0 or later, and this one has " +
                      std::to_string(major) + ".x: use --precision fp32");
  }
}

/// Throws OptionError where an engine has no rows of that storage.
inline void require_storage_serves(Storage storage, Engine engine) {
  const bool packed = storage == Storage::bfloat16 || storage == Storage::uint8;
  if (packed && steps_in_blocks(engine)) {
    throw OptionError("--storage " + std::string(name(storage)) +
                      " is for --engine products, fused, stream, graph, moments or line: rows of "
                      "engine " +
                      std::string(name(engine)) + " are float32");
  }
}

/// Throws OptionError for what no engine of a GPU trains, on `rows` rows of `features` features.
inline void require_device_serves(const BankPlan& plan, std::int64_t rows, std::int64_t features) {
  if (!plan.simplex.empty()) {
    throw OptionError(
        "--constraint simplex takes all rows a step on a GPU: use --batch-size full, or --device "
        "cpu");
  }
  const std::int64_t stride = features + 1;
  if (!plan.masks.empty() ||
      static_cast<std::int64_t>(plan.preconditioner.size()) > stride * stride) {
    throw OptionError("paths and folds are trained on the CPU only: use --device cpu");
  }
  const bool batches = plan.batch_size > 0 && plan.batch_size < rows;
  for (const ModelPlan& model : plan.models) {
    if (model.schedule.kind == ScheduleKind::armijo && batches) {
      throw OptionError(
          "schedule armijo evaluates a batch several times, which runs on the CPU only: use "
          "--device cpu or --batch-size full");
    }
  }
}

}  // namespace steepest::kernels
