// SPDX-License-Identifier: Apache-2.0
#include <string>
#include <type_traits>

#include "kernels/check.cuh"
#include "kernels/fold_sums.cuh"
#include "kernels/fused_pass.cuh"
#include "kernels/fused_strip.cuh"
#include "kernels/fused_tensor.cuh"
#include "kernels/fused_tile.cuh"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

FusedShape shape_or_throw(const BankShape& shape, std::int64_t pitch, std::int64_t value_bytes,
                          Rounding rounding) {
  const FusedShape found = fused_shape(shape, pitch, value_bytes, rounding);
  if (found.kernel != FusedShape::Kernel::none) {
    return found;
  }
  const std::int64_t most = most_fused_features(shape.outputs, value_bytes, rounding);
  const std::string outputs = std::to_string(shape.outputs);
  throw OptionError(
      most == 0 ? "--engine fused takes models of up to " + std::to_string(tile_columns) +
                      " outputs, and this one has " + outputs + ": use --engine products"
                : "--engine fused takes up to " + std::to_string(most) +
                      " features in a model of " + outputs + " outputs with this precision, and " +
                      std::to_string(shape.features) + " were given: use --engine products");
}

int attribute_of_current(cudaDeviceAttr attribute, const char* doing) {
  int device = 0;
  int value = 0;
  check(cudaGetDevice(&device), "asking for the current device");
  check(cudaDeviceGetAttribute(&value, attribute, device), doing);
  return value;
}

// Shared memory of a block.
std::int64_t shared_bytes_of(const FusedShape& found, const BankShape& shape, std::int64_t pitch,
                             std::int64_t value_bytes, Rounding rounding) {
  const std::int64_t columns = found.group_models * shape.outputs;
  return tile_declared_bytes + (found.kernel == FusedShape::Kernel::tensor
                                    ? tensor_shape(columns, shape.stride(), rounding).shared_bytes
                                    : tile_shape(columns, pitch, value_bytes).shared_bytes);
}

// Throws OptionError where a block of the current GPU may not have the shared memory of a tile, or
// where it has no code of the tensor kernel: others than Hopper run what was compiled for the
// oldest GPU, which has no such products.
void require_gpu(const FusedShape& found, const BankShape& shape, std::int64_t pitch,
                 std::int64_t value_bytes, Rounding rounding) {
  constexpr int hopper = 9;
  if (found.kernel == FusedShape::Kernel::tensor) {
    const int major =
        attribute_of_current(cudaDevAttrComputeCapabilityMajor, "asking for its properties");
    if (major != hopper) {
      throw OptionError(
          "--engine fused takes --precision tf32 and bf16 on GPUs of compute capability 9.0, and "
          "this one has " +
          std::to_string(major) + ".x: use --engine products");
    }
  }
  if (found.kernel == FusedShape::Kernel::tile || found.kernel == FusedShape::Kernel::tensor) {
    const std::int64_t needed = shared_bytes_of(found, shape, pitch, value_bytes, rounding);
    const int most = attribute_of_current(cudaDevAttrMaxSharedMemoryPerBlockOptin,
                                          "asking for its shared memory");
    if (needed > most) {
      constexpr std::int64_t kilobyte = 1024;
      throw OptionError("--engine fused needs " +
                        std::to_string((needed + kilobyte - 1) / kilobyte) +
                        " KB of shared memory a block for this model, and this GPU gives " +
                        std::to_string(most / kilobyte) + " KB: use --engine products");
    }
  }
}

template <class T>
void queue_kernel(const FusedShape& shape, Rounding rounding, const FusedTask<T>& task,
                  cudaStream_t stream) {
  switch (shape.kernel) {
    case FusedShape::Kernel::tensor:
      if constexpr (std::is_same_v<T, float>) {
        queue_tensor(task, rounding, stream);
      }
      return;
    case FusedShape::Kernel::tile:
      queue_tile(task, stream);
      return;
    case FusedShape::Kernel::strip:
    case FusedShape::Kernel::none:
      queue_strip(task, stream);
      return;
  }
}

}  // namespace

template <class T>
FusedPass<T>::FusedPass(const BankShape& shape, const PassRows<T>& rows, Rounding rounding,
                        cudaStream_t stream)
    : shape_(shape),
      data_(rows.held),
      packed_(rows.packed),
      rounding_(rounding),
      stream_(stream),
      kernel_(shape_or_throw(shape, data_.pitch, sizeof(T), rounding)),
      most_rows_(most_fused_rows(shape, data_.pitch, sizeof(T))),
      gradient_(most_fused_parts(data_.rows, most_rows_) * shape.columns() * data_.pitch,
                "gradients of a pass"),
      losses_(most_fused_parts(data_.rows, most_rows_) * shape.models, "losses of a pass"),
      carried_gradient_(shape.elements(), "gradients of a pass"),
      carried_loss_(shape.models, "losses of a pass") {
  require_gpu(kernel_, shape, data_.pitch, sizeof(T), rounding);
}

template <class T>
PassSums<T> FusedPass<T>::run(const PassLoss& loss, const PassParameters& parameters,
                              const RowSelection& rows) {
  PassSums<T> sums;
  sums.shape = shape_;
  sums.pitch = data_.pitch;
  sums.gradient = gradient_.data();
  sums.loss = losses_.data();
  FusedTask<T> task{
      loss,          parameters, data_, packed_, rows, {}, kernel_.group_models, gradient_.data(),
      losses_.data()};
  constexpr auto value_bytes = static_cast<std::int64_t>(sizeof(T));
  const std::int64_t row_vectors = data_.pitch * value_bytes / vector_bytes;
  const std::int64_t chunks = chunk_count(rows.count, most_rows_);
  for (std::int64_t index = 0; index < chunks; ++index) {
    task.chunk = fused_chunk(rows.count, most_rows_, row_vectors,
                             kernel_.group_models * shape_.outputs, index);
    queue_kernel(kernel_, rounding_, task, stream_);
    sums.partitions = task.chunk.partitions;
    if (chunks > 1 || sums.partitions > most_unfolded_partitions) {
      queue_fold(sums, stream_, carried_gradient_.data(), carried_loss_.data());
      sums.partitions = 0;
      sums.carried_gradient = carried_gradient_.data();
      sums.carried_loss = carried_loss_.data();
    }
  }
  return sums;
}

template class FusedPass<float>;
template class FusedPass<double>;

}  // namespace steepest::kernels
