// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "bench/device_limits.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/launch.cuh"
#include "kernels/stream.cuh"

namespace steepest::bench {
namespace {

constexpr int threads = 512;
constexpr int loads = 8;  // of 16 bytes in flight, a thread
constexpr std::int64_t vector_bytes = 16;

// Every block sums every so many-th stretch of threads * loads vectors.
__global__ void __launch_bounds__(threads)
    read_kernel(const float4* values, std::int64_t count, float* sums) {
  float total = 0.0F;
  constexpr std::int64_t stretch = std::int64_t{threads} * loads;
  for (std::int64_t first = blockIdx.x * stretch; first < count; first += gridDim.x * stretch) {
    float4 read[loads];
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      const std::int64_t at = first + i * threads + threadIdx.x;
      read[i] = at < count ? values[at] : float4{0.0F, 0.0F, 0.0F, 0.0F};
    }
#pragma unroll
    for (int i = 0; i < loads; ++i) {
      total += read[i].x + read[i].y + read[i].z + read[i].w;
    }
  }
  sums[std::int64_t{blockIdx.x} * threads + threadIdx.x] = total;
}

class CudaRead final : public DeviceRead {
 public:
  CudaRead(int ordinal, std::int64_t bytes)
      : scope_(ordinal),
        count_((bytes + vector_bytes - 1) / vector_bytes),
        blocks_(std::clamp<std::int64_t>(count_ / (std::int64_t{threads} * loads), 1, most_blocks)),
        values_(count_, "values to read"),
        sums_(blocks_ * threads, "sums of a read") {
    kernels::fill_bytes(values_.data(), count_, 0, stream_.get());
    stream_.wait();
  }

  void run(std::int64_t times) override {
    for (std::int64_t i = 0; i < times; ++i) {
      kernels::launch("reading plainly", read_kernel, blocks_, threads, stream_.get(),
                      static_cast<const float4*>(values_.data()), count_, sums_.data());
    }
    stream_.wait();
  }

 private:
  static constexpr std::int64_t most_blocks =
      2112;  // 16 for each of the multiprocessors of an H200

  kernels::DeviceScope scope_;
  kernels::Stream stream_;
  std::int64_t count_;
  std::int64_t blocks_;
  kernels::DeviceBuffer<float4> values_;
  kernels::DeviceBuffer<float> sums_;
};

}  // namespace

std::unique_ptr<DeviceRead> make_device_read(int ordinal, std::int64_t bytes) {
  return std::make_unique<CudaRead>(ordinal, bytes);
}

}  // namespace steepest::bench
