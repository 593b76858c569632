// SPDX-License-Identifier: Apache-2.0
// Says what the figures were measured on, then runs the benchmarks.
#include <benchmark/benchmark.h>

#include <string>

#include "kernels/backend.hpp"
#include "steepest/version.hpp"

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
    return 1;
  }
  const steepest::DeviceInfo cpu = steepest::kernels::describe_cpu(0);
  benchmark::AddCustomContext("steepest", std::string(steepest::version));
  benchmark::AddCustomContext("cpu", cpu.name + ", " + std::to_string(cpu.threads) + " threads");
  for (const steepest::DeviceInfo& device : steepest::kernels::describe_cuda_devices()) {
    benchmark::AddCustomContext("cuda:" + std::to_string(device.ordinal),
                                device.usable ? device.name : device.problem);
  }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
