// SPDX-License-Identifier: Apache-2.0
// Every backend a test body runs on: CPU in both precisions always, CUDA where a device is.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "kernels/backend.hpp"
#include "steepest/fit.hpp"

namespace steepest::tests {

/// A kind of device, an arithmetic, and of a GPU an engine.
struct BackendCase {
  DeviceKind kind;
  Precision precision;
  Engine engine = Engine::automatic;

  [[nodiscard]] std::string text() const {
    return std::string(name(kind)) + "_" + std::string(name(precision)) +
           (engine == Engine::automatic ? "" : "_" + std::string(name(engine)));
  }

  friend void PrintTo(const BackendCase& backend, std::ostream* out) { *out << backend.text(); }
};

inline const std::vector<BackendCase>& backend_cases() {
  static const std::vector<BackendCase> cases = {
      {DeviceKind::cpu, Precision::fp64},
      {DeviceKind::cpu, Precision::fp32},
      {DeviceKind::cuda, Precision::fp64},
      {DeviceKind::cuda, Precision::fp32},
      {DeviceKind::cuda, Precision::fp64, Engine::fused},
      {DeviceKind::cuda, Precision::fp32, Engine::fused}};
  return cases;
}

/// Those of tests that step mini-batches: with an engine that takes nothing else. Of engine grid,
/// whose blocks take minutes to emulate, see block_engine_test.cpp.
inline std::vector<BackendCase> batch_backend_cases() {
  std::vector<BackendCase> cases = backend_cases();
  for (const Precision precision : {Precision::fp64, Precision::fp32}) {
    cases.push_back({DeviceKind::cuda, precision, Engine::block});
  }
  return cases;
}

inline std::string backend_case_name(const testing::TestParamInfo<BackendCase>& info) {
  return info.param.text();
}

/// A test body run once a backend; skipped, with the reason, where there is no such device.
class OnEveryBackend : public testing::TestWithParam<BackendCase> {
 protected:
  void SetUp() override {
    if (GetParam().kind == DeviceKind::cuda) {
      const DeviceInfo device = kernels::describe_cuda_devices().front();
      if (!device.usable) {
        GTEST_SKIP() << "no CUDA device: " << device.problem;
      }
    }
  }

  [[nodiscard]] std::unique_ptr<kernels::Backend> make(int threads = 2) const {
    return GetParam().kind == DeviceKind::cpu
               ? kernels::make_cpu_backend(threads, GetParam().precision)
               : kernels::make_backend(kernels::describe_cuda_devices().front(), threads,
                                       GetParam().precision, GetParam().engine);
  }

  /// Options of a fit on this device in this arithmetic, all else automatic.
  [[nodiscard]] FitOptions fit_options() const {
    FitOptions options;
    options.device.kind =
        GetParam().kind == DeviceKind::cpu ? DeviceChoice::Kind::cpu : DeviceChoice::Kind::cuda;
    options.precision = GetParam().precision;
    options.engine = GetParam().engine;
    return options;
  }

  /// `exact` in fp64, `rounded` in fp32.
  [[nodiscard]] double tolerance(double exact, double rounded) const {
    return GetParam().precision == Precision::fp64 ? exact : rounded;
  }
};

}  // namespace steepest::tests
