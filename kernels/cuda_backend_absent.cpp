// SPDX-License-Identifier: Apache-2.0
// Stands in for the CUDA backend in a build without the CUDA toolkit.
#include "kernels/backend.hpp"
#include "kernels/tempered_sums_stream.hpp"
#include "steepest/error.hpp"

namespace steepest::kernels {
namespace {

constexpr const char* problem = "this build has no CUDA: configure it with nvcc on PATH";

}  // namespace

std::unique_ptr<Backend> make_cuda_backend(int /*ordinal*/, Precision /*precision*/,
                                           Engine /*engine*/) {
  throw DeviceError(problem);
}

template <class T>
std::unique_ptr<TemperedSumsStream<T>> make_cuda_tempered_sums(int /*ordinal*/,
                                                               const TemperedSumsPlan& /*plan*/) {
  throw DeviceError(problem);
}

template std::unique_ptr<TemperedSumsStream<float>> make_cuda_tempered_sums(
    int, const TemperedSumsPlan&);
template std::unique_ptr<TemperedSumsStream<double>> make_cuda_tempered_sums(
    int, const TemperedSumsPlan&);

std::vector<DeviceInfo> describe_cuda_devices() {
  DeviceInfo none;
  none.kind = DeviceKind::cuda;
  none.name = "CUDA";
  none.usable = false;
  none.problem = problem;
  return {none};
}

}  // namespace steepest::kernels
