// SPDX-License-Identifier: Apache-2.0
// A block of threads a row: each thread takes every so many-th class, sums meet in a fixed tree.
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <memory>

#include "kernels/backend.hpp"
#include "kernels/device_buffer.cuh"
#include "kernels/launch.cuh"
#include "kernels/pinned_buffer.cuh"
#include "kernels/stream.cuh"
#include "kernels/tempered_sums_stream.hpp"

namespace steepest::kernels {
namespace {

constexpr int threads = 128;  // a power of two

// Adds, or takes the larger of, one value a thread; all threads get the result. Every thread of the
// block calls it, and `shared` is free again when it returns.
template <class Combine>
__device__ double combined(double mine, double* shared, Combine combine) {
  const unsigned thread = threadIdx.x;
  shared[thread] = mine;
  __syncthreads();
  for (unsigned half = threads / 2; half > 0; half /= 2) {
    if (thread < half) {
      shared[thread] = combine(shared[thread], shared[thread + half]);
    }
    __syncthreads();
  }
  const double result = shared[0];
  __syncthreads();
  return result;
}

struct Sum {
  STEEPEST_HD double operator()(double a, double b) const { return a + b; }
};
struct Larger {
  STEEPEST_HD double operator()(double a, double b) const { return a < b ? b : a; }
};

// What this thread's classes say of a row, then what all of them do.
template <class T>
__device__ LogitRow look_at(const T* row, std::int64_t classes, double* shared) {
  double largest = -INFINITY;
  double strange = 0.0;
  for (std::int64_t c = threadIdx.x; c < classes; c += threads) {
    const auto z = static_cast<double>(row[c]);
    strange += is_plain_logit(z) ? 0.0 : 1.0;
    largest = largest < z ? z : largest;
  }
  LogitRow look;
  look.largest = combined(largest, shared, Larger{});
  look.plain = combined(strange, shared, Sum{}) == 0.0;
  double gaps = 0.0;
  for (std::int64_t c = threadIdx.x; c < classes; c += threads) {
    const double gap = look.largest - static_cast<double>(row[c]);
    gaps += gap <= std::numeric_limits<double>::max() ? gap : 0.0;
  }
  look.gap_sum = combined(gaps, shared, Sum{});
  return look;
}

template <class T>
__global__ void __launch_bounds__(threads)
    tempered_sums_kernel(const T* logits, std::int64_t rows, std::int64_t classes,
                         const double* betas, std::int64_t nodes, LogitRow* looks,
                         TemperedSums* sums) {
  __shared__ double shared[threads];
  for (std::int64_t r = blockIdx.x; r < rows; r += gridDim.x) {
    const T* const row = logits + r * classes;
    const LogitRow look = look_at(row, classes, shared);
    const T largest = static_cast<T>(look.largest);
    for (std::int64_t j = 0; j < nodes; ++j) {
      const T beta = static_cast<T>(betas[j]);
      TemperedSums mine;
      for (std::int64_t c = threadIdx.x; c < classes; c += threads) {
        add_tempered_class(beta * (largest - row[c]), mine);
      }
      TemperedSums all;
      all.total = combined(mine.total, shared, Sum{});
      all.first = combined(mine.first, shared, Sum{});
      all.second = combined(mine.second, shared, Sum{});
      all.square = combined(mine.square, shared, Sum{});
      all.square_first = combined(mine.square_first, shared, Sum{});
      if (threadIdx.x == 0) {
        sums[r * nodes + j] = all;
      }
    }
    if (threadIdx.x == 0) {
      looks[r] = look;
    }
  }
}

template <class Element>
void copy(const Element* from, std::int64_t count, Element* to, cudaMemcpyKind kind,
          cudaStream_t stream) {
  check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(Element), kind, stream),
        "copying logits or their sums");
}

template <class T>
class CudaTemperedSums final : public TemperedSumsStream<T> {
 public:
  using Slot = typename TemperedSumsStream<T>::Slot;

  CudaTemperedSums(int ordinal, const TemperedSumsPlan& plan)
      : ordinal_(ordinal), plan_(plan), betas_(plan.nodes, "temperatures") {
    for (int i = 0; i < TemperedSumsStream<T>::slots; ++i) {
      lanes_[static_cast<std::size_t>(i)] = std::make_unique<Lane>(plan);
    }
    upload(plan.betas, plan.nodes, betas_.data(), lanes_[0]->stream.get());
  }

  [[nodiscard]] Slot slot(int index) override {
    Lane& lane = *lanes_[static_cast<std::size_t>(index)];
    return {lane.host_logits.data(), lane.host_looks.data(), lane.host_sums.data()};
  }

  void start(int index, std::int64_t rows) override {
    const DeviceScope scope(ordinal_);
    Lane& lane = *lanes_[static_cast<std::size_t>(index)];
    cudaStream_t stream = lane.stream.get();
    copy(lane.host_logits.data(), rows * plan_.classes, lane.logits.data(), cudaMemcpyHostToDevice,
         stream);
    launch("summing over classes", tempered_sums_kernel<T>, rows, threads, stream,
           static_cast<const T*>(lane.logits.data()), rows, plan_.classes,
           static_cast<const double*>(betas_.data()), plan_.nodes, lane.looks.data(),
           lane.sums.data());
    copy(static_cast<const LogitRow*>(lane.looks.data()), rows, lane.host_looks.data(),
         cudaMemcpyDeviceToHost, stream);
    copy(static_cast<const TemperedSums*>(lane.sums.data()), rows * plan_.nodes,
         lane.host_sums.data(), cudaMemcpyDeviceToHost, stream);
  }

  void finish(int index) override {
    const DeviceScope scope(ordinal_);
    lanes_[static_cast<std::size_t>(index)]->stream.wait();
  }

 private:
  // A slot, its twin on the device, and the queue between them.
  struct Lane {
    explicit Lane(const TemperedSumsPlan& plan)
        : host_logits(plan.most_rows * plan.classes),
          host_looks(plan.most_rows),
          host_sums(plan.most_rows * plan.nodes),
          logits(plan.most_rows * plan.classes, "logits"),
          looks(plan.most_rows, "rows"),
          sums(plan.most_rows * plan.nodes, "sums") {}

    PinnedBuffer<T> host_logits;
    PinnedBuffer<LogitRow> host_looks;
    PinnedBuffer<TemperedSums> host_sums;
    DeviceBuffer<T> logits;
    DeviceBuffer<LogitRow> looks;
    DeviceBuffer<TemperedSums> sums;
    Stream stream;  // last, so that its work ends before the buffers go
  };

  int ordinal_;
  TemperedSumsPlan plan_;
  DeviceBuffer<double> betas_;
  std::array<std::unique_ptr<Lane>, TemperedSumsStream<T>::slots> lanes_;
};

}  // namespace

template <class T>
std::unique_ptr<TemperedSumsStream<T>> make_cuda_tempered_sums(int ordinal,
                                                               const TemperedSumsPlan& plan) {
  static_cast<void>(choose_device({DeviceChoice::Kind::cuda, ordinal}, 0));  // says why not
  const DeviceScope scope(ordinal);
  return std::make_unique<CudaTemperedSums<T>>(ordinal, plan);
}

template std::unique_ptr<TemperedSumsStream<float>> make_cuda_tempered_sums(
    int, const TemperedSumsPlan&);
template std::unique_ptr<TemperedSumsStream<double>> make_cuda_tempered_sums(
    int, const TemperedSumsPlan&);

}  // namespace steepest::kernels
