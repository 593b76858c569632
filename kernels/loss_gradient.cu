// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "kernels/loss_gradient.cuh"

namespace steepest::kernels {

template <class T>
DeviceLossGradient<T>::DeviceLossGradient(const BankShape& shape, const PassRows<T>& rows,
                                          std::int64_t batch_rows, const MatrixProducts& products)
    : pass_(shape, rows, batch_rows, products),
      weights_(shape.columns() * pass_.data().pitch, "parameters of a pass") {}

template <class T>
PassSums<T> DeviceLossGradient<T>::run(const PassLoss& loss, const RowSelection& rows,
                                       const RowsAhead& ahead, const std::int64_t* drawn) {
  const BankShape& shape = pass_.shape();
  const MatrixProducts& products = pass_.products();
  return pass_.run(rows, ahead, drawn, [&](const ChunkRows<T>& chunk) {
    products.scores(chunk.chunk.rows, shape.columns(), shape.stride(), pass_.data().pitch,
                    chunk.features, weights_.data(), pass_.residuals());
    queue_residuals(loss, chunk.targets, chunk.chunk, shape, products.stream(), pass_.residuals(),
                    pass_.losses());
  });
}

template <class T>
std::vector<double> DeviceLossGradient<T>::scores(std::int64_t first, std::int64_t count,
                                                  std::int64_t columns) {
  const std::int64_t most_rows = std::min(pass_.data().rows, pass_.most_rows());
  std::vector<T> out(static_cast<std::size_t>(count * columns));
  for (std::int64_t r = 0; r < count; r += most_rows) {
    const std::int64_t rows = std::min(most_rows, count - r);
    pass_.visit(first + r, rows, [&](const T* features) {
      pass_.products().scores(rows, columns, pass_.shape().stride(), pass_.data().pitch, features,
                              weights_.data(), pass_.residuals());
    });
    download(pass_.residuals(), rows * columns, out.data() + r * columns,
             pass_.products().stream());
  }
  return {out.begin(), out.end()};
}

template class DeviceLossGradient<float>;
template class DeviceLossGradient<double>;

}  // namespace steepest::kernels
