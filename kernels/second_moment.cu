// SPDX-License-Identifier: Apache-2.0
#include "kernels/device_pass.cuh"
#include "kernels/for_each_index.cuh"
#include "kernels/second_moment.cuh"

namespace steepest::kernels {
namespace {

// Element i of the residuals laid out (padded rows, d + 1): w [x 1], and 0 past the chunk's rows.
template <class T>
struct WeightElement {
  ChunkRows<T> chunk;
  std::int64_t pitch;
  std::int64_t stride;
  T* out;

  STEEPEST_HD void operator()(std::int64_t i) const {
    const std::int64_t r = i / stride;
    out[i] = r < chunk.chunk.rows ? chunk.targets.weight_of(chunk.targets.row_of(r)) *
                                        chunk.features[r * pitch + i % stride]
                                  : T(0);
  }
};

}  // namespace

template <class T>
std::vector<double> device_second_moment(DeviceData<T>& data, const RowSelection& rows,
                                         const MatrixProducts& products) {
  const BankShape shape{data.features(), data.features() + 1, 1};
  DevicePass<T> pass(shape, data.pass_rows(), rows.shuffled ? rows.count : 0, products);
  const PassSums<T> sums =
      pass.run(rows, {rows.first + rows.count, false}, [&](const ChunkRows<T>& chunk) {
        for_each_index(
            "weighting rows", chunk.chunk.padded_rows() * shape.stride(), products.stream(),
            WeightElement<T>{chunk, pass.data().pitch, shape.stride(), pass.residuals()});
      });
  std::vector<double> moment = pass.gradient(sums);
  for (double& element : moment) {
    element /= static_cast<double>(rows.count);
  }
  return moment;
}

template std::vector<double> device_second_moment(DeviceData<float>&, const RowSelection&,
                                                  const MatrixProducts&);
template std::vector<double> device_second_moment(DeviceData<double>&, const RowSelection&,
                                                  const MatrixProducts&);

}  // namespace steepest::kernels
