package example.invoices;

import io.javalin.Javalin;
import io.javalin.http.Context;
import io.javalin.http.NotFoundResponse;
import java.io.IOException;

/** Invoices: adds up an invoice's lines. */
public final class Server {
    /** Tells which build of the program answers. */
    static final String EDITION = "0000000000000000";

    record Answer(String invoice, int lines, String total, String edition) {}

    public static void main(String[] args) {
        var port = Integer.parseInt(System.getenv().getOrDefault("PORT", "8080"));
        Javalin.create(config -> config.showJavalinBanner = false)
            .get("/healthz", context -> context.result("ok\n"))
            .get("/invoices/{number}", Server::show)
            .start(port);
    }

    private static void show(Context context) throws IOException {
        var number = context.pathParam("number");
        try (var csv = Server.class.getResourceAsStream("/invoices/" + number + ".csv")) {
            if (csv == null) {
                throw new NotFoundResponse("no such invoice");
            }
            var invoice = Invoice.read(number, csv);
            context.json(new Answer(number, invoice.lines(), invoice.total().toPlainString(), EDITION));
        }
    }
}
