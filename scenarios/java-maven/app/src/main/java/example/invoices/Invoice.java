package example.invoices;

import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import org.apache.commons.csv.CSVFormat;

/** An invoice, read from a CSV file of its lines, as a spreadsheet saves it. */
record Invoice(String number, int lines, BigDecimal total) {
    private static final CSVFormat FORMAT = CSVFormat.DEFAULT.builder().setHeader().setSkipHeaderRecord(true).build();

    static Invoice read(String number, InputStream csv) throws IOException {
        var records = FORMAT.parse(new InputStreamReader(csv, StandardCharsets.UTF_8)).getRecords();
        var total = records.stream()
            .map(record -> new BigDecimal(record.get("price")).multiply(new BigDecimal(record.get("quantity"))))
            .reduce(BigDecimal.ZERO, BigDecimal::add);
        return new Invoice(number, records.size(), total);
    }
}
